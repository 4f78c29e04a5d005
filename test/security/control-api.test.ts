/** The control API by its own description: each route with each scope and with none, and calls made twice. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connect } from 'node:net';
import { startAttacked, type AttackedInstallation } from './installation.ts';
import { until } from '../support/until.ts';

const SCOPES = ['read', 'contain', 'release', 'issue', 'approve', 'scim', 'admin'] as const;
type Scope = (typeof SCOPES)[number];

/**
 * Scope of every route that needs one. A route that is not here fails the test: its scope must be decided. any: a token is needed, and
 * the route itself looks at whose it is; proof: what proves the caller stands in the body.
 */
const NEEDED: Readonly<Record<string, Scope | 'none' | 'any' | 'proof'>> = {
  'POST /v1/lockouts': 'contain',
  'GET /v1/lockouts': 'read',
  'POST /v1/lockouts/{id}/release': 'release',
  'GET /v1/sessions': 'read',
  'GET /v1/sessions/{id}': 'read',
  'POST /v1/sessions/{id}/end': 'contain',
  'GET /v1/sessions/{id}/recording': 'read',
  'GET /v1/events': 'read',
  'GET /v1/detections': 'read',
  'GET /v1/events/stream': 'read',
  'POST /v1/events/import': 'admin',
  'GET /v1/events/export': 'read',
  'GET /v1/audit/key': 'read',
  'GET /v1/audit/keys': 'read',
  'GET /v1/audit/events': 'read',
  'POST /v1/reload': 'admin',
  'GET /v1/incidents': 'read',
  'GET /v1/incidents/{id}': 'read',
  'POST /v1/incidents/{id}/close': 'release',
  'GET /v1/playbooks': 'read',
  'GET /v1/responses': 'read',
  'POST /v1/responses/{id}/confirm': 'release',
  'POST /v1/tokens': 'issue',
  'GET /v1/tokens': 'read',
  'POST /v1/tokens/{id}/revoke': 'contain',
  'POST /v1/ssh/certificates': 'any',
  'GET /v1/identities': 'read',
  'PUT /v1/identities': 'admin',
  'GET /v1/connections': 'read',
  'PUT /v1/connections/{name}': 'admin',
  'DELETE /v1/connections/{name}': 'admin',
  'POST /v1/connections/{name}/check': 'read',
  'GET /v1/dead-letters': 'read',
  'GET /v1/dead-letters/{id}': 'read',
  'POST /v1/dead-letters/replay': 'admin',
  'GET /v1/whoami': 'any',
  'GET /v1/listeners/{protocol}': 'read',
  'POST /v1/tokens/introspect': 'read',
  'POST /v1/tokens/exchange': 'proof',
  'POST /v1/tokens/revoke': 'proof',
  'GET /v1/login': 'proof',
  'GET /v1/identities/review': 'read',
  'GET /v1/connect/{name}': 'any',
  'GET /v1/approvals': 'any',
  'GET /v1/approvals/{id}': 'any',
  'POST /v1/approvals/{id}/challenge': 'approve',
  'POST /v1/approvals/{id}/decide': 'approve',
  'POST /v1/approvals/{id}/withdraw': 'any',
  'POST /v1/approvals/revoke': 'contain',
  'POST /v1/grants': 'any',
  'GET /v1/grants': 'any',
  'POST /v1/grants/{id}/end': 'any',
  'POST /v1/second-factors/invitations': 'admin',
  'GET /v1/second-factors/{id}': 'read',
  'DELETE /v1/second-factors/{id}': 'admin',
  'POST /v1/second-factors/key/begin': 'proof',
  'POST /v1/second-factors/key/finish': 'proof',
  'POST /v1/second-factors/codes/begin': 'proof',
  'POST /v1/second-factors/codes/finish': 'proof',
  'GET /scim/v2/ServiceProviderConfig': 'scim',
  'GET /scim/v2/ResourceTypes': 'scim',
  'GET /scim/v2/Schemas': 'scim',
  'GET /scim/v2/Users': 'scim',
  'POST /scim/v2/Users': 'scim',
  'GET /scim/v2/Users/{id}': 'scim',
  'PUT /scim/v2/Users/{id}': 'scim',
  'PATCH /scim/v2/Users/{id}': 'scim',
  'DELETE /scim/v2/Users/{id}': 'scim',
  'GET /scim/v2/Groups': 'scim',
  'POST /scim/v2/Groups': 'scim',
  'GET /scim/v2/Groups/{id}': 'scim',
  'PUT /scim/v2/Groups/{id}': 'scim',
  'PATCH /scim/v2/Groups/{id}': 'scim',
  'DELETE /scim/v2/Groups/{id}': 'scim',
  'GET /healthz': 'none',
  'GET /readyz': 'none',
  'GET /metrics': 'read',
};

const tokenOf = (scope: string): string => `security-test-token-${scope}`;
let attacked: AttackedInstallation;
before(async () => {
  attacked = await startAttacked((config) => ({
    ...config,
    controlApi: {
      ...config.controlApi,
      callsPerSecondMax: 1000,
      tokens: SCOPES.map((scope) => ({
        subject: `only-${scope}`,
        scopes: [scope],
        sha256: createHash('sha256').update(tokenOf(scope)).digest('hex'),
      })),
    },
  }));
});
after(() => attacked?.stop());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Record<string, unknown>;
}
async function call(
  method: string,
  path: string,
  token: string | undefined,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${attacked.apiUrl}${path}`, {
    method,
    signal: AbortSignal.timeout(20_000),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  if (path.includes('stream')) {
    await response.body?.cancel();
    return { status: response.status, code: undefined, body: {} };
  }
  const text = await response.text();
  const json = (response.headers.get('content-type') ?? '').includes('json')
    ? (JSON.parse(text.trim().split('\n')[0] || '{}') as Record<string, unknown>)
    : {};
  return { status: response.status, code: json['code'] as string | undefined, body: json };
}

/** A path that names nothing, so that no call of the table changes anything. */
const filled = (path: string): string =>
  path.replace('{protocol}', 'postgres').replace(/\{\w+\}/, 'names-nothing');

test('every route of the description asks for its scope, and for no other', async () => {
  const described = await call('GET', '/openapi.json', undefined);
  const routes = Object.entries(described.body['paths'] as Record<string, Record<string, unknown>>).flatMap(
    ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(
    routes.toSorted(),
    Object.keys(NEEDED).toSorted(),
    'the scope of every route is decided here',
  );
  for (const route of routes) {
    const [method, path] = route.split(' ') as [string, string];
    const needed = NEEDED[route];
    const body = method === 'GET' || method === 'DELETE' ? undefined : {};
    const bare = await call(method, filled(path), undefined, body);
    if (needed === 'none') {
      assert.ok(bare.status < 400 || bare.status === 503, `${route} without token: ${bare.status}`);
      continue;
    }
    if (needed === 'proof') {
      assert.ok(bare.status >= 400 && bare.status < 500, `${route} without a proof: ${bare.status}`);
      continue;
    }
    assert.ok([401, 429].includes(bare.status), `${route} without token: ${bare.status}`);
    if (needed === 'any') continue;
    for (const scope of SCOPES) {
      const { status, code } = await call(method, filled(path), tokenOf(scope), body);
      const may: boolean = scope === needed || scope === 'admin';
      // Tokens of the configuration are nobody who could decide; they have the scope all the same.
      const isRefused = status === 403 && code !== 'APPROVAL_NOT_A_PERSON';
      assert.equal(isRefused, !may, `${route} with ${scope}: ${status} ${code}`);
    }
  }
});

test('no spelling of a path or a token gets past the scopes', async () => {
  for (const path of [
    '/v1/../v1/tokens',
    '//v1/tokens',
    '/v1//tokens',
    '/V1/tokens',
    '/v1/tokens/',
    '/v1/tokens%2f',
    '/v1/%74okens',
    '/v1/tokens;x',
    '/./v1/tokens',
    '/v1/tokens?x=/healthz',
    '/healthz/../v1/tokens',
  ])
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'PATCH']) {
      const response = await fetch(`${attacked.apiUrl}${path}`, { method });
      assert.ok([400, 401, 404, 405, 429].includes(response.status), `${method} ${path}: ${response.status}`);
      await response.body?.cancel();
    }
  const admin = tokenOf('admin');
  for (const header of [
    `Bearer  ${admin}`,
    `Basic ${admin}`,
    `Bearer ${admin}x`,
    `Bearer ${admin.slice(0, -1)}`,
    admin,
    `Bearer ${admin}, Bearer x`,
    'Bearer ',
  ]) {
    const response = await fetch(`${attacked.apiUrl}/v1/tokens`, { headers: { authorization: header } });
    assert.ok([401, 429].includes(response.status), `${header}: ${response.status}`);
    await response.body?.cancel();
  }
  // Wrong tokens from this address are held back by now; the right one is not.
  assert.equal((await call('GET', '/v1/tokens', admin)).status, 200);
});

test('malformed bodies are refused with a code and change nothing', async () => {
  const admin = tokenOf('admin');
  const before = await call('GET', '/v1/lockouts?limit=1000', admin);
  for (const body of [
    '{',
    '[]',
    'null',
    '"x"',
    '{"__proto__": {"a": 1}}',
    '{"constructor": {"prototype": {}}}',
    '{"subjectKind": "identity", "subject": "x"}',
    `{"subjectKind":"identity","subject":"${'x'.repeat(600)}","reason":"r"}`,
    '{"subjectKind":"identity","subject":"x","reason":"r","automated":"yes"}',
    `[${'['.repeat(5000)}`,
  ]) {
    const { status, code } = await call('POST', '/v1/lockouts', admin, body);
    assert.equal(status, 400, body.slice(0, 60));
    assert.equal(code, 'CONTROL_API_INVALID', body.slice(0, 60));
  }
  assert.equal(
    (await call('POST', '/v1/lockouts', admin, `{"reason":"${'x'.repeat(1_100_000)}"}`)).status,
    413,
  );
  assert.deepEqual((await call('GET', '/v1/lockouts?limit=1000', admin)).body, before.body);
  const { hostname, port } = new URL(attacked.apiUrl);
  const raw = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `GET /v1/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${admin}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/tokens HTTP/1.1\r\n\r\n`,
      ),
    );
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
  });
  assert.match(raw, /^HTTP\/1\.1 400/, 'a request with two lengths is no request');
});

test('odd words in a search are words', async () => {
  for (const q of [
    '"',
    '*',
    'a OR',
    'NEAR(',
    "';--",
    '%',
    '\\',
    'col:x',
    '-',
    '(',
    'a AND NOT',
    '\u0000',
    '{',
    '^',
    '"a" b"',
    'é',
  ])
    for (const path of ['/v1/events', '/v1/detections']) {
      const { status } = await call('GET', `${path}?q=${encodeURIComponent(q)}`, tokenOf('read'));
      assert.ok(status === 200 || status === 400, `${q}: ${status}`);
    }
  for (const query of [
    'after=x',
    'from=-1',
    'to=9e99',
    'order=up',
    'limit=1001',
    'identity=%00',
    'kind=a%27b',
  ])
    assert.ok((await call('GET', `/v1/events?${query}`, tokenOf('read'))).status < 500, query);
});

test('a token is issued once for a key, and a key is for one call', async () => {
  const admin = tokenOf('admin');
  const identity = { id: 'countersign/twice', kind: 'service_account', displayName: 'twice', groups: [] };
  assert.equal((await call('PUT', '/v1/identities', admin, identity)).status, 200);
  const wish = { identityId: 'countersign/twice', ttlMs: 60_000, connections: ['sample'] };
  const key = { 'idempotency-key': 'issue-once' };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => call('POST', '/v1/tokens', tokenOf('issue'), wish, key)),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).sort((one, other) => one - other),
    [200, 409, 409, 409, 409],
  );
  const issued = answers.find(({ status }) => status === 200)!.body['summary'] as { tokenId: string };
  for (const { status, code, body } of answers)
    if (status === 409) {
      assert.equal(code, 'TOKEN_ISSUED_BEFORE');
      assert.match(String(body['detail']), new RegExp(issued.tokenId));
    }
  const other = await call('POST', '/v1/tokens', tokenOf('issue'), { ...wish, ttlMs: 61_000 }, key);
  assert.equal(other.code, 'CONTROL_KEY_REUSED');
  const { items } = (await call('GET', '/v1/tokens?identity=countersign%2Ftwice', admin)).body as {
    items: unknown[];
  };
  assert.equal(items.length, 1);
});

test('only an administrator may hand out what exercises are marked with', async () => {
  const wish = { identityId: 'countersign/twice', ttlMs: 60_000, attributes: { exercise_id: 'immune' } };
  assert.equal((await call('POST', '/v1/tokens', tokenOf('issue'), wish)).code, 'CONTROL_API_FORBIDDEN');
  assert.equal((await call('POST', '/v1/tokens', tokenOf('admin'), wish)).status, 200);
});

test('what a token may not do stands in the trail', async () => {
  await call('POST', '/v1/lockouts/some-lockout/release', tokenOf('contain'), { reason: 'let me in' });
  await until('the refused call is in an event', async () => {
    const found = await call('GET', '/v1/events?kind=control_action&q=some-lockout', tokenOf('read'));
    const { items } = found.body as { items: { document: Record<string, unknown> }[] };
    return items.some(({ document }) => JSON.stringify(document).includes('only-contain'));
  });
});
