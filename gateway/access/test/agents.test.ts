/** Agents on behalf of people (RFC 8693): intersection, both on the record, and what ends one ends the other. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createCertificateSources } from '../proof/certificates.ts';
import { createTokenExchange, type ExchangeForm } from '../exchange/token-exchange.ts';
import { startIssuer, type TestIssuer } from './support/issuer.ts';
import { codeOf, openWorld, START } from './support/world.ts';

const seconds = START / 1000;
const CONTEXT = { clientIp: '192.0.2.7' };
const CALL = { by: 'test', reason: 'test', incidentId: null, idempotencyKey: null, automation: null };

async function open(t: TestContext) {
  const people = await startIssuer();
  const agents = await startIssuer();
  t.after(() => Promise.all([people.close(), agents.close()]));
  const world = openWorld(t, {
    access: {
      issuers: [
        {
          name: 'okta',
          kind: 'oidc',
          issuer: people.url,
          audiences: ['countersign'],
          rules: [
            {
              name: 'people',
              connections: ['orders', 'stock'],
              actors: ['bots/report-*', 'okta/assistant'],
              ttlMsMax: 120_000,
            },
          ],
        },
        {
          name: 'bots',
          kind: 'jwt',
          issuer: agents.url,
          audiences: ['countersign'],
          rules: [{ name: 'bots', identityKind: 'ai_agent', connections: ['orders', 'payroll'] }],
        },
      ],
    },
  });
  const exchange = createTokenExchange({
    ...world,
    certificates: createCertificateSources(world, world.settings),
  });
  const person = (extra: Record<string, unknown> = {}): Promise<string> =>
    people.sign({
      iss: people.url,
      aud: 'countersign',
      sub: 'alice',
      groups: ['dba'],
      iat: seconds,
      exp: seconds + 300,
      ...extra,
    });
  const agent = (sub = 'report-7', extra: Record<string, unknown> = {}): Promise<string> =>
    agents.sign({ iss: agents.url, aud: 'countersign', sub, iat: seconds, exp: seconds + 3000, ...extra });
  const ask = (form: Partial<ExchangeForm>, context: Parameters<typeof exchange.exchange>[1] = CONTEXT) =>
    exchange.exchange({ subjectToken: null, actorToken: null, ...form }, context);
  return { ...world, people, agents, person, agent, ask };
}

describe('agents on behalf of people', () => {
  it('get what both may, for as long as both may, and both are on the record', async (t) => {
    const { ask, person, agent, access } = await open(t);
    const made = await ask({ subjectToken: await person(), actorToken: await agent() });
    assert.ok(made.ok, JSON.stringify(made));
    const { stored, token } = made.value;
    assert.equal(stored.identityId, 'bots/report-7');
    assert.deepEqual(stored.connections, ['orders'], 'the intersection');
    assert.deepEqual(stored.principals, ['okta/alice']);
    assert.equal(stored.expiresAt, START + 120_000, 'the shorter of both');
    const record = await access.verifyBearer(token, { connection: 'orders', ...CONTEXT });
    assert.ok(record.ok);
    const { identity, principals } = record.value;
    assert.equal(identity.kind, 'ai_agent');
    assert.deepEqual(identity.onBehalfOf, ['okta/alice']);
    assert.deepEqual(
      principals.map(({ id, groups }) => ({ id, groups })),
      [{ id: 'okta/alice', groups: ['dba'] }],
    );
    assert.ok(access.admit(record.value, 'orders', CONTEXT).ok);
    assert.equal(codeOf(access.admit(record.value, 'payroll', CONTEXT)), 'TOKEN_CONNECTION_DENIED');
    assert.equal(codeOf(access.admit(record.value, 'stock', CONTEXT)), 'TOKEN_CONNECTION_DENIED');
  });

  it('only agents that the person’s rule or token names', async (t) => {
    const { ask, person, agent, people } = await open(t);
    const stranger = await agent('crawler');
    assert.equal(
      codeOf(await ask({ subjectToken: await person(), actorToken: stranger })),
      'ACCESS_ACTOR_DENIED',
    );
    const named = await person({ may_act: { sub: 'crawler' } });
    assert.equal(
      codeOf(await ask({ subjectToken: named, actorToken: stranger })),
      'ACCESS_ACTOR_DENIED',
      'of another issuer',
    );
    const own = await people.sign({
      iss: people.url,
      aud: 'countersign',
      sub: 'helper',
      iat: seconds,
      exp: seconds + 300,
    });
    assert.equal(codeOf(await ask({ subjectToken: await person(), actorToken: own })), 'ACCESS_ACTOR_DENIED');
    const named2 = await person({ may_act: { sub: 'helper', iss: people.url } });
    assert.ok((await ask({ subjectToken: named2, actorToken: own })).ok);
    const wild = await person({ may_act: { sub: '*' } });
    assert.equal(
      codeOf(await ask({ subjectToken: wild, actorToken: stranger })),
      'ACCESS_ACTOR_DENIED',
      'a name is no pattern',
    );
    const turned = await ask({ subjectToken: await agent(), actorToken: await person() });
    assert.equal(codeOf(turned), 'ACCESS_ACTOR_DENIED');
  });

  it('a token with an act chain of its own: present actor, earlier actors, person', async (t) => {
    const { ask, person, access } = await open(t);
    const chain = await person({ act: { sub: 'assistant', act: { sub: 'planner' } } });
    const made = await ask({ subjectToken: chain });
    assert.ok(made.ok, JSON.stringify(made));
    assert.equal(made.value.stored.identityId, 'okta/assistant');
    assert.deepEqual(made.value.stored.principals, ['okta/planner', 'okta/alice']);
    const record = await access.verifyBearer(made.value.token, { connection: null, ...CONTEXT });
    assert.ok(record.ok);
    assert.equal(record.value.identity.kind, 'ai_agent');
    assert.deepEqual(
      record.value.principals.map(({ kind }) => kind),
      ['ai_agent', 'human'],
    );
    // Shown itself, it is the agent as well, never the person.
    const shown = await access.verifyBearer(chain, { connection: null, ...CONTEXT });
    assert.ok(shown.ok);
    assert.equal(shown.value.identity.id, 'okta/assistant');
    assert.equal(
      codeOf(await ask({ subjectToken: await person({ act: { sub: 'worm' } }) })),
      'ACCESS_ACTOR_DENIED',
    );
    const deep = {
      sub: 'assistant',
      act: { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd' } } } },
    };
    for (const act of [
      deep,
      'assistant',
      { sub: 7 },
      null,
      { sub: 'assistant', iss: 'https://elsewhere.example' },
    ])
      assert.equal(
        codeOf(await ask({ subjectToken: await person({ act }) })),
        'ACCESS_TOKEN_MALFORMED',
        JSON.stringify(act),
      );
  });

  it('what ends the person ends the agent: lockout of the person, revocation of the token it was made from', async (t) => {
    const { ask, person, agent, access, control, relay } = await open(t);
    const login = await ask({ subjectToken: await person() });
    assert.ok(login.ok);
    // With the person's token of the gateway's own, as `countersign login` got it.
    const made = await ask({ subjectToken: login.value.token, actorToken: await agent() });
    assert.ok(made.ok, JSON.stringify(made));
    const record = await access.verifyBearer(made.value.token, { connection: null, ...CONTEXT });
    assert.ok(record.ok);
    assert.equal(record.value.identity.attributes['parent_tokens'], login.value.stored.tokenId);
    const other = await ask({
      subjectToken: await person({ nonce: 'x' }),
      actorToken: await agent('report-8'),
    });
    assert.ok(other.ok);
    const otherRecord = await access.verifyBearer(other.value.token, { connection: null, ...CONTEXT });
    assert.ok(otherRecord.ok);
    await control.revokeToken(login.value.stored.tokenId, CALL);
    await relay();
    assert.equal(codeOf(access.admit(record.value, 'orders', CONTEXT)), 'TOKEN_REVOKED');
    assert.ok(access.admit(otherRecord.value, 'orders', CONTEXT).ok, 'what was not made from it goes on');
    assert.equal(
      codeOf(await ask({ subjectToken: login.value.token, actorToken: await agent() })),
      'TOKEN_REVOKED',
    );
    await control.lockout({
      ...CALL,
      subjectKind: 'identity',
      subject: 'okta/alice',
      ttlMs: null,
      exerciseId: null,
    });
    await relay();
    assert.equal(codeOf(access.admit(otherRecord.value, 'orders', CONTEXT)), 'LOCKED_OUT');
    assert.equal(
      codeOf(await ask({ subjectToken: await person(), actorToken: await agent() })),
      'LOCKED_OUT',
    );
    assert.ok((await ask({ subjectToken: await agent() })).ok, 'for itself the agent may go on');
  });

  it('a token is never made longer, wider, or loose again by exchanging it', async (t) => {
    const { ask, person, clock } = await open(t);
    const login = await ask({ subjectToken: await person(), connections: ['orders'], ttlMs: 60_000 });
    assert.ok(login.ok);
    assert.equal(login.value.stored.expiresAt, START + 60_000);
    clock.advance(30_000);
    const again = await ask({ subjectToken: login.value.token, connections: ['*'], ttlMs: 3_600_000 });
    assert.ok(again.ok);
    assert.equal(again.value.stored.expiresAt, START + 60_000);
    assert.deepEqual(again.value.stored.connections, ['orders']);
    assert.equal(
      codeOf(await ask({ subjectToken: login.value.token, connections: ['stock'] })),
      'TOKEN_CONNECTION_DENIED',
    );
  });
});

describe('bound tokens', () => {
  it('to the networks of the rule, to the address, to a key that the outside token names', async (t) => {
    const issuer: TestIssuer = await startIssuer();
    t.after(() => issuer.close());
    const source = (name: string, extra: Record<string, unknown>, url: string) => ({
      name,
      kind: 'jwt',
      issuer: url,
      audiences: ['countersign'],
      jwks: { uri: `${issuer.url}/keys` },
      rules: [{ name, connections: ['*'], ...extra }],
    });
    const world = openWorld(t, {
      access: {
        issuers: [
          source('office', { networks: ['192.0.2.0/24', '2001:db8::/32'] }, 'https://office.example'),
          source('here', { bindAddress: true }, 'https://here.example'),
        ],
      },
    });
    const sign = (iss: string, extra: Record<string, unknown> = {}): Promise<string> =>
      issuer.sign({ iss, aud: 'countersign', sub: 'x', iat: seconds, exp: seconds + 300, ...extra });
    const login = (token: string, clientIp: string) =>
      world.access.verifyBearer(token, { connection: 'orders', clientIp });
    const office = await sign('https://office.example');
    assert.equal(codeOf(await login(office, '198.51.100.1')), 'TOKEN_NETWORK_DENIED');
    const found = await login(office, '::ffff:192.0.2.9');
    assert.ok(found.ok);
    assert.ok(world.access.admit(found.value, 'orders', { clientIp: '2001:db8::1' }).ok);
    assert.equal(
      codeOf(world.access.admit(found.value, 'orders', { clientIp: '198.51.100.1' })),
      'TOKEN_NETWORK_DENIED',
    );
    assert.equal(
      codeOf(world.access.admit(found.value, 'orders')),
      'TOKEN_NETWORK_DENIED',
      'nothing known, nothing allowed',
    );
    const here = await sign('https://here.example');
    const first = await login(here, '203.0.113.5');
    assert.ok(first.ok);
    assert.ok(world.access.admit(first.value, 'orders', { clientIp: '203.0.113.5' }).ok);
    const second = await login(here, '203.0.113.6');
    assert.ok(second.ok);
    assert.equal(
      codeOf(world.access.admit(second.value, 'orders', { clientIp: '203.0.113.6' })),
      'TOKEN_NETWORK_DENIED',
    );
    const bound = await sign('https://here.example', { cnf: { jkt: 'thumb' }, nonce: '2' });
    assert.equal(codeOf(await login(bound, '203.0.113.5')), 'TOKEN_KEY_REQUIRED');
    const strange = await sign('https://here.example', { cnf: { kid: 'k' }, nonce: '3' });
    assert.equal(
      codeOf(await login(strange, '203.0.113.5')),
      'TOKEN_KEY_REQUIRED',
      'a bond that is not known',
    );
    const proofOfKey = { kind: 'dpop', thumbprint: 'thumb' } as const;
    const proved = await world.access.verifyBearer(bound, {
      connection: null,
      clientIp: '203.0.113.5',
      proofOfKey,
    });
    assert.ok(proved.ok);
    assert.equal(
      codeOf(world.access.admit(proved.value, null, { clientIp: '203.0.113.5' })),
      'TOKEN_KEY_REQUIRED',
    );
    assert.ok(world.access.admit(proved.value, null, { clientIp: '203.0.113.5', proofOfKey }).ok);
  });
});
