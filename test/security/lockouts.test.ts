/** A thief who knows that he will be locked out: races, many sessions, second tokens, waiting. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type pg from 'pg';
import type { LockoutAnswer } from '../../schemas/api/lockouts.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { startAttacked, type AttackedInstallation, type Login } from './installation.ts';
import { until } from '../support/until.ts';

const codec = createCodec('session-event');
let attacked: AttackedInstallation;
before(async () => {
  attacked = await startAttacked((config) => ({
    ...config,
    // Only the lockouts of these tests fall.
    gateway: { ...config.gateway, lockoutBudget: { ...config.gateway.lockoutBudget, identitiesMax: 1 } },
  }));
  await attacked.direct.query('create table race (session int, n int); grant all on race to public');
});
after(() => attacked?.stop());

const lockOut = (subjectKind: string, subject: string, more: object = {}): Promise<LockoutAnswer> =>
  attacked.api.send<LockoutAnswer>('POST', '/v1/lockouts', {
    subjectKind,
    subject,
    reason: 'the detectors saw source 203.0.113.9 for the first time',
    wait: 'in_force',
    ...more,
  });
const tryLogin = async (login: Login, connection = 'sample'): Promise<string> => {
  const client = attacked.client(login, { connection });
  try {
    await client.connect();
    return 'open';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
};
const eventsOf = async (identityId: string): Promise<SessionEvent[]> => {
  const events: SessionEvent[] = [];
  for await (const line of attacked.api.lines('/v1/audit/events', {}, new AbortController().signal)) {
    const { event } = JSON.parse(line) as { event?: string };
    const read = event === undefined ? undefined : codec.decode(Buffer.from(event, 'base64'));
    if (read?.ok === true && read.value.identity?.id === identityId) events.push(read.value);
  }
  return events;
};
const countRows = async (): Promise<number> =>
  Number((await attacked.direct.query<{ count: string }>('select count(*) from race')).rows[0]!.count);

test('of 20 sessions in full run none gets a command through once the lockout is in force', async () => {
  const thief = await attacked.login('racer', 'service_account');
  let closed = 0;
  let running = 0;
  const clients: pg.Client[] = [];
  const loops = Array.from({ length: 20 }, async (_, session) => {
    const client = attacked.client(thief);
    client.on('end', () => {
      closed += 1;
    });
    clients.push(client);
    await client.connect();
    running += 1;
    for (let n = 0; ; n += 1)
      try {
        // Several in flight at once: pg sends the next when the one before is answered, the sessions overlap.
        await client.query('insert into race values ($1, $2)', [session, n]);
      } catch {
        return;
      }
  });
  await until('all run', async () => running === 20 && (await countRows()) > 200);
  const { revision, outcome, lockout } = await lockOut('identity', thief.identityId);
  const atLockout = await countRows();
  assert.equal(outcome, 'in_force');
  await Promise.all(loops);
  await until('every socket is closed', () => closed === 20);
  await until('every backend is gone', async () => {
    const { rows } = await attacked.direct.query(
      `select from pg_stat_activity where query like 'insert into race%' and pid <> pg_backend_pid()`,
    );
    return rows.length === 0;
  });
  assert.equal(await countRows(), atLockout, 'a command ran after the lockout was in force');
  let events: SessionEvent[] = [];
  await until('all closes are in the log', async () => {
    events = await eventsOf(thief.identityId);
    return events.filter(({ body }) => body.kind === 'session_closed').length === 20;
  });
  const requests = events.filter(({ body }) => body.kind === 'request');
  assert.ok(requests.length > 200);
  for (const { body, controlRevision } of requests)
    assert.ok(body.kind === 'request' && (body.decision.outcome !== 'allow' || controlRevision < revision));
  for (const { body } of events)
    if (body.kind === 'session_closed') {
      assert.equal(body.lockoutId, lockout.lockoutId);
      assert.match(body.detail ?? '', /203\.0\.113\.9/, 'the analyst sees why');
    }
  // And again, and again.
  for (let n = 0; n < 10; n += 1) {
    const answer = await tryLogin(thief);
    assert.match(answer, /locked out|revoked/);
    assert.doesNotMatch(answer, /203\.0\.113\.9|detectors/, 'the thief does not');
  }
});

test('what a locked-out session had not committed is taken back', async () => {
  const thief = await attacked.login('holder', 'human');
  const client = attacked.client(thief);
  let over = false;
  client.on('end', () => {
    over = true;
  });
  await client.connect();
  const before = await countRows();
  await client.query('begin');
  await client.query('insert into race values (99, 99)');
  await client.query('lock table race in share row exclusive mode');
  await lockOut('token', thief.tokenId);
  await until('the session is over', () => over);
  await until('its locks are gone', async () => {
    const { rows } = await attacked.direct.query(
      `select from pg_locks where relation = 'race'::regclass and pid <> pg_backend_pid()`,
    );
    return rows.length === 0;
  });
  assert.equal(await countRows(), before);
});

test('a second token of the identity, an older and a newer one, does not help', async () => {
  const first = await attacked.login('twice', 'service_account');
  const second = await attacked.login('twice', 'service_account');
  assert.equal(await tryLogin(first), 'open');
  assert.equal(await tryLogin(second), 'open');
  await lockOut('identity', 'countersign/twice');
  const third = await attacked.login('twice', 'service_account');
  for (const login of [
    first,
    second,
    third,
    { ...third, user: 'twice' },
    { ...third, user: 'countersign/twice' },
  ])
    assert.match(await tryLogin(login), /locked out|revoked/);
});

test('lockouts of a credential source and of a connection hit exactly those', async () => {
  const leaked = await attacked.login('leaked', 'workload', { credentialSource: 'ci/leaked' });
  const cousin = await attacked.login('cousin', 'workload', { credentialSource: 'ci/leaked' });
  const safe = await attacked.login('safe', 'workload', { credentialSource: 'ci/safe' });
  await lockOut('credential_source', 'ci/leaked');
  assert.match(await tryLogin(leaked), /locked out|revoked/);
  assert.match(await tryLogin(cousin), /locked out|revoked/);
  assert.equal(await tryLogin(safe), 'open');
  const { lockout } = await lockOut('connection', 'root');
  assert.match(await tryLogin(safe, 'root'), /locked out/);
  assert.equal(await tryLogin(safe), 'open');
  await attacked.api.send('POST', `/v1/lockouts/${lockout.lockoutId}/release`, { reason: 'done' });
  await until('the release is known', async () => (await tryLogin(safe, 'root')) === 'open');
});

test('waiting for the end of a lockout does not help: a person must release it, and old tokens stay dead', async () => {
  const patient = await attacked.login('patient', 'service_account');
  const { lockout } = await lockOut('identity', patient.identityId, { ttlMs: 1000 });
  await until('its time is over', async () => {
    const fresh = await attacked.login('patient', 'service_account');
    return /awaits its release/.test(await tryLogin(fresh));
  });
  await attacked.api.send('POST', `/v1/lockouts/${lockout.lockoutId}/release`, { reason: 'looked at' });
  const fresh = await attacked.login('patient', 'service_account');
  await until('the release is known', async () => (await tryLogin(fresh)) === 'open');
  assert.match(await tryLogin(patient), /revoked/);
});

test('a locked-out job that tries on and on does not shut out its whole network', async () => {
  const job = await attacked.login('stubborn', 'service_account');
  const neighbour = await attacked.login('neighbour', 'service_account');
  await lockOut('identity', job.identityId);
  for (let n = 0; n < 60; n += 1) assert.match(await tryLogin(job), /locked out|revoked/);
  assert.equal(await tryLogin(neighbour), 'open');
  await until('the refusals stand on the identity', async () => {
    const events = await eventsOf(job.identityId);
    return events.filter(({ body }) => body.kind === 'session_refused').length === 60;
  });
});

test('a session does not outlive its token', async () => {
  const short = await attacked.login('short', 'human', { ttlMs: 2500 });
  const client = attacked.client(short);
  let over = false;
  const heard: string[] = [];
  client.on('end', () => {
    over = true;
  });
  client.on('error', (error: Error) => heard.push(error.message));
  await client.connect();
  await client.query('begin; insert into race values (77, 77)');
  await until('the session is over', () => over);
  assert.ok(
    heard.some((message) => /expired/.test(message)),
    heard.join(),
  );
  assert.match(await tryLogin(short), /expired|failed/);
});

test('automation may not lock out a break-glass identity, nor more than its budget; a person may', async () => {
  await attacked.api.send('PUT', '/v1/identities', {
    id: 'countersign/glass',
    kind: 'human',
    displayName: 'glass',
    groups: [],
    breakGlass: true,
  });
  const glass = await attacked.api.send<IssueTokenAnswer>('POST', '/v1/tokens', {
    identityId: 'countersign/glass',
    connections: ['*'],
  });
  await assert.rejects(lockOut('identity', 'countersign/glass', { automated: true }), {
    code: 'LOCKOUT_BREAK_GLASS',
  });
  await assert.rejects(lockOut('token', glass.summary.tokenId, { automated: true }), {
    code: 'LOCKOUT_BREAK_GLASS',
  });
  await assert.rejects(lockOut('connection', 'sample', { automated: true }), {
    code: /LOCKOUT_(BREAK_GLASS|BUDGET)/,
  });
  assert.equal((await lockOut('identity', 'countersign/glass')).outcome, 'in_force');
});
