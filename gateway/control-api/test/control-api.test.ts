import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIRMED_BY_HEADER } from '../../../schemas/api/responses.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { LogRecord } from '../../../platform/event-log/event-log.ts';
import type { Incident, ResponseStep } from '../../../schemas/types.ts';
import { codecs, openWorld, session, type World } from './support.ts';

const lockout = { subjectKind: 'identity', subject: 'countersign/a', reason: 'drops tables at night' };
interface LockoutBody {
  lockout: { lockoutId: string; createdBy: string; state: string };
  outcome: string;
}
const post = <T = Record<string, unknown>>(
  world: World,
  path: string,
  body: unknown,
  headers = {},
  token = 'token-admin',
) => world.call<T>('POST', path, { body, headers, token });

describe('control API', { timeout: 60_000 }, () => {
  it('needs a token that is known, with the scope of the call', async (t) => {
    const world = await openWorld(t);
    const unknown = await world.call('GET', '/v1/lockouts', { token: 'guess' });
    assert.deepEqual([unknown.status, unknown.body['code']], [401, 'CONTROL_API_UNAUTHENTICATED']);
    assert.equal(unknown.type?.startsWith('application/problem+json'), true);
    assert.equal((await post(world, '/v1/lockouts', lockout, {}, 'token-read')).status, 403);
    const made = await post<LockoutBody>(world, '/v1/lockouts', lockout, {}, 'token-contain');
    assert.deepEqual(
      [made.status, made.body.outcome, made.body.lockout.createdBy],
      [200, 'in_force', 'who-contain'],
    );
    const release = `/v1/lockouts/${made.body.lockout.lockoutId}/release`;
    const refused = await post(world, release, { reason: 'x' }, {}, 'token-contain');
    assert.deepEqual([refused.status, refused.body['code']], [403, 'CONTROL_API_FORBIDDEN']);
    const released = await post(world, release, { reason: 'x' }, {}, 'token-release');
    assert.deepEqual([released.status, released.body['state']], [200, 'released']);
    assert.deepEqual((await world.call('GET', '/v1/whoami', { token: 'token-contain' })).body, {
      subject: 'who-contain',
      scopes: ['contain', 'read'],
    });
  });

  it('guards every route by a scope, but for health and what proves itself', async (t) => {
    const world = await openWorld(t);
    const { paths } = (
      await world.call<{ paths: Record<string, Record<string, unknown>> }>('GET', '/openapi.json')
    ).body;
    const open: string[] = [];
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods)) {
        const { status } = await world.call(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'), {
          token: 'guess',
        });
        if (status !== 401 && status !== 429) open.push(path);
      }
    // The other ones bring their proof in the call: a credential, a token, an invitation; `login` says where people log in.
    assert.deepEqual(open.sort(), [
      '/healthz',
      '/readyz',
      '/v1/login',
      '/v1/second-factors/codes/begin',
      '/v1/second-factors/codes/finish',
      '/v1/second-factors/key/begin',
      '/v1/second-factors/key/finish',
      '/v1/tokens/exchange',
      '/v1/tokens/revoke',
    ]);
    assert.ok(Object.keys(paths).length > 20);
  });

  it('takes effect once for one idempotency key, and says so when the key is used for something else', async (t) => {
    const world = await openWorld(t);
    const key = { 'idempotency-key': 'k1' };
    const [first, second] = await Promise.all([
      post<LockoutBody>(world, '/v1/lockouts', lockout, key),
      post<LockoutBody>(world, '/v1/lockouts', lockout, key),
    ]);
    assert.equal(first.body.lockout.lockoutId, second.body.lockout.lockoutId);
    assert.equal((await world.call<{ items: unknown[] }>('GET', '/v1/lockouts')).body.items.length, 1);
    const other = await post(world, '/v1/lockouts', { ...lockout, subject: 'countersign/b' }, key);
    assert.deepEqual([other.status, other.body['code']], [409, 'CONTROL_KEY_REUSED']);
    assert.equal(
      (await post(world, '/v1/lockouts', lockout, { 'idempotency-key': 'k'.repeat(300) })).status,
      400,
    );
  });

  it('holds automation to its budget and off break-glass identities, not people', async (t) => {
    const world = await openWorld(t);
    const automated = (subject: string) =>
      post(world, '/v1/lockouts', { ...lockout, subject, automated: true });
    for (const name of ['a', 'b', 'c']) assert.equal((await automated(`countersign/${name}`)).status, 200);
    assert.equal((await automated('countersign/d')).body['code'], 'LOCKOUT_BUDGET_EXHAUSTED');
    assert.equal((await automated('countersign/a')).status, 200);
    assert.equal((await automated('countersign/glass')).body['code'], 'LOCKOUT_BREAK_GLASS');
    // A stolen responder's token must not become the outage by saying that a person calls.
    const claims = (subject: string) =>
      post(world, '/v1/lockouts', { ...lockout, subject, automated: false }, {}, 'token-contain');
    assert.equal((await claims('countersign/e')).body['code'], 'LOCKOUT_BUDGET_EXHAUSTED');
    assert.equal((await claims('countersign/glass')).body['code'], 'LOCKOUT_BREAK_GLASS');
    assert.equal(
      (await post(world, '/v1/lockouts', { ...lockout, subject: 'countersign/glass' })).status,
      200,
    );
    assert.deepEqual(
      world.actions.map(({ outcome }) => outcome).filter((outcome) => outcome === 'refused').length,
      4,
    );
  });

  it('says recorded where not every gateway has applied it, or nobody waits', async (t) => {
    const world = await openWorld(t);
    assert.equal(
      (await post(world, '/v1/lockouts', { ...lockout, wait: 'recorded' })).body['outcome'],
      'recorded',
    );
    world.applied = false;
    assert.equal((await post(world, '/v1/lockouts', lockout)).body['outcome'], 'recorded');
    assert.equal((await world.call('GET', '/readyz')).status, 503);
  });

  it('records each change with actor, key, incident and outcome', async (t) => {
    const world = await openWorld(t);
    await post(
      world,
      '/v1/lockouts',
      { ...lockout, incidentId: 'i1' },
      { 'idempotency-key': 'k' },
      'token-contain',
    );
    assert.deepEqual(world.actions, [
      {
        actor: 'who-contain',
        action: 'lockout.create',
        subject: 'identity:countersign/a',
        outcome: 'in_force',
        reason: 'drops tables at night',
        incidentId: 'i1',
        idempotencyKey: 'k',
      },
    ]);
    await world.call('GET', '/v1/lockouts');
    assert.equal(world.actions.length, 1);
  });

  it('ends sessions wherever they are, and knows those that are over', async (t) => {
    const world = await openWorld(t);
    world.sessions.set('live', session('live', 'live')).set('over', session('over', 'closed'));
    const end = (id: string, body = {}) => post(world, `/v1/sessions/${id}/end`, { reason: 'x', ...body });
    assert.equal((await end('live')).body['outcome'], 'ended');
    assert.equal((await end('over')).body['outcome'], 'was_over');
    assert.equal((await end('nowhere')).status, 404);
    assert.equal((await end('nowhere', { automated: true })).body['outcome'], 'ended');
    const { items } = (await world.call<{ items: { subject: string }[] }>('GET', '/v1/lockouts')).body;
    assert.deepEqual(
      items.map(({ subject }) => subject),
      ['nowhere', 'live'],
    );
  });

  it('names what is wrong with a call', async (t) => {
    const world = await openWorld(t, { bodyBytesMax: 2048 });
    const wrong = await post(world, '/v1/lockouts', { ...lockout, subjectKind: 'planet' });
    assert.deepEqual([wrong.status, wrong.body['code']], [400, 'CONTROL_API_INVALID']);
    assert.match(String(wrong.body['detail']), /subjectKind/);
    assert.equal((await post(world, '/v1/lockouts', { ...lockout, ttl: 5 })).status, 400);
    assert.equal(
      (await post(world, '/v1/lockouts', { ...lockout, reason: 'x'.repeat(3000) })).body['code'],
      'CONTROL_API_TOO_LARGE',
    );
    assert.equal((await world.call('GET', '/v1/lockouts?limit=0')).status, 400);
    const absent = await world.call('GET', '/v1/nothing');
    assert.deepEqual([absent.status, absent.body['code']], [404, 'CONTROL_API_NOT_FOUND']);
    const broken = await fetch(`${world.url}/v1/lockouts`, {
      method: 'POST',
      headers: { authorization: 'Bearer token-admin', 'content-type': 'application/json' },
      body: '{',
    });
    assert.equal(((await broken.json()) as { code: string }).code, 'CONTROL_API_INVALID');
  });

  it('bounds calls and wrong tokens', async (t) => {
    const world = await openWorld(t, { callsPerSecondMax: 1, loginsFailedPerMinuteMax: 2 });
    const tries = (count: number, token: string) =>
      Promise.all(Array.from({ length: count }, () => world.call('GET', '/v1/whoami', { token })));
    assert.ok((await tries(12, 'token-read')).some(({ status }) => status === 429));
    assert.deepEqual(
      (await tries(2, 'guess')).map(({ status }) => status),
      [401, 401],
    );
    assert.equal((await world.call('GET', '/v1/whoami', { token: 'guess' })).status, 429);
    // Guessing from the address of the responders must not keep them from containing anybody.
    assert.equal((await world.call('GET', '/v1/whoami', { token: 'token-contain' })).status, 200);
  });

  it('listens without TLS on loopback only', async (t) => {
    await assert.rejects(openWorld(t, { host: '0.0.0.0' }), { code: 'CONTROL_API_TLS_REQUIRED' });
  });

  it('describes itself as OpenAPI 3.1', async (t) => {
    const world = await openWorld(t);
    const document = (await world.call('GET', '/openapi.json')).body;
    assert.match(String(document['openapi']), /^3\.1\./);
    const text = JSON.stringify(document);
    assert.doesNotMatch(text, /"\$ref":"(?!#\/)/);
    const paths = document['paths'] as Record<
      string,
      Record<string, { responses?: object; summary?: string }>
    >;
    for (const [path, methods] of Object.entries(paths))
      for (const [method, operation] of Object.entries(methods)) {
        assert.ok(operation.summary !== undefined, `${method} ${path} has a summary`);
        assert.ok(Object.keys(operation.responses ?? {}).length > 0, `${method} ${path} has answers`);
      }
  });

  it('searches events by the names of the index, and streams them as they come', async (t) => {
    const world = await openWorld(t);
    const found = await world.call(
      'GET',
      '/v1/events?identity=countersign/a&kind=request&from=5&q=drop&limit=7',
    );
    assert.equal(found.status, 200);
    assert.deepEqual(world.searches, [
      {
        index: 'session-events',
        order: 'newest',
        limit: 7,
        text: 'drop',
        from: 5,
        filters: [
          { field: 'user.id', is: 'countersign/a' },
          { field: 'event.action', is: 'request' },
        ],
      },
    ]);
    const stream = await fetch(`${world.url}/v1/events/stream?topic=incidents&identity=countersign/a`, {
      headers: { authorization: 'Bearer token-read' },
    });
    const reader = stream.body!.getReader();
    await reader.read();
    const writer = await world.log.writer('test');
    for (const [id, identity] of [
      ['i1', 'countersign/b'],
      ['i2', 'countersign/a'],
    ] as const)
      await writer.append(TOPICS.incidents.name, [
        { key: id, value: codecs.incident.encode(incident(id, [identity])) },
      ]);
    const { value } = await reader.read();
    const seen = JSON.parse(new TextDecoder().decode(value)) as Incident;
    assert.equal(seen.incidentId, 'i2');
    await reader.cancel();
  });

  it('shows and closes incidents', async (t) => {
    const world = await openWorld(t);
    const writer = await world.log.writer('test');
    await writer.append(TOPICS.incidents.name, [
      { key: 'i1', value: codecs.incident.encode(incident('i1', [])) },
    ]);
    await shown(world, '/v1/incidents/i1');
    const { body: one } = await world.call('GET', '/v1/incidents/i1');
    const { body: all } = await world.call('GET', '/v1/incidents');
    const [listed] = all['items'] as { link: string }[];
    assert.deepEqual([one['link'], listed!.link], Array(2).fill('https://kibana.example/i1'));
    const closed = await post(
      world,
      '/v1/incidents/i1/close',
      { as: 'benign', note: 'a deploy' },
      {},
      'token-release',
    );
    assert.deepEqual([closed.status, closed.body['closedAs']], [200, 'benign']);
    assert.equal((await post(world, '/v1/incidents/i9/close', { as: 'benign' })).status, 404);
  });

  it('lets one person confirm or decline what a playbook asks, once', async (t) => {
    const world = await openWorld(t);
    const records: LogRecord[] = [];
    await world.log.read({
      topic: TOPICS.responses.name,
      onRecords: (more) => void records.push(...more),
      onFailure: assert.fail,
    });
    const writer = await world.log.writer('test');
    await writer.append(TOPICS.responses.name, [{ key: 'i1', value: codecs.response.encode(asked) }]);
    await shown(world, '/v1/responses?state=asked', (body) => (body['items'] as unknown[]).length === 1);
    const decide = (decision: string, token = 'token-release') =>
      post(world, '/v1/responses/r1/confirm', { decision, note: 'it was me' }, {}, token);
    assert.equal((await decide('confirm', 'token-contain')).status, 403);
    const both = await Promise.all([decide('confirm'), decide('decline')]);
    assert.deepEqual(
      both.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409],
    );
    const end = await world.log.endOffsets(TOPICS.responses.name);
    assert.equal(
      end.reduce((sum, offset) => sum + offset, 0),
      2,
    );
    const answered = both.find(({ status }) => status === 200)!.body['outcome'];
    await shown(
      world,
      `/v1/responses?state=${answered === 'confirmed' ? 'intended' : 'skipped'}`,
      (body) => (body['items'] as unknown[]).length === 1,
    );
    if (answered === 'confirmed') assert.equal(records.at(-1)!.headers[CONFIRMED_BY_HEADER], 'who-release');
  });

  it('never shows credentials, and replays a recording with its damaged pieces named', async (t) => {
    const world = await openWorld(t);
    const put = await world.call('PUT', '/v1/connections/there', {
      body: {
        protocol: 'postgres',
        host: 'db',
        port: 5432,
        role: 'app',
        credential: { password: 'hunter2' },
      },
    });
    assert.equal(put.status, 200);
    assert.doesNotMatch(JSON.stringify([put.body, world.actions]), /hunter2/);
    const lines = (await world.call<string>('GET', '/v1/sessions/recorded/recording')).body
      .trim()
      .split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { stream: string }).stream),
      ['in', 'problem'],
    );
    assert.equal((await world.call('GET', '/v1/sessions/other/recording')).status, 404);
  });
});

/** Asks until it is there: views follow the log. */
async function shown(
  world: World,
  path: string,
  wanted: (body: Record<string, unknown>) => boolean = () => true,
): Promise<void> {
  for (let tried = 0; tried < 2000; tried += 1) {
    const { status, body } = await world.call('GET', path);
    if (status === 200 && wanted(body)) return;
  }
  assert.fail(`${path} never showed it`);
}

const incident = (incidentId: string, identities: string[]): Incident => ({
  incidentId,
  version: 1,
  state: 'open',
  closedAs: null,
  closedBy: null,
  openedAt: 1,
  updatedAt: 1,
  title: 't',
  severity: 'high',
  risk: 80,
  summary: 's',
  key: 'k',
  origin: 'gateway',
  exerciseId: null,
  identities,
  sessions: [],
  tokens: [],
  connections: [],
  detections: ['d'],
  detectionCount: 1,
  lockouts: [],
});
const asked: ResponseStep = {
  responseId: 'r1',
  time: 1,
  incidentId: 'i1',
  detectionId: 'd1',
  playbook: 'contain-human',
  playbookVersion: 'v',
  step: 'lock-identity',
  action: 'lock_out',
  subject: 'identity:countersign/a',
  state: 'asked',
  detail: 'waits',
  idempotencyKey: 'k',
  durationUs: 0,
  exerciseId: null,
};
