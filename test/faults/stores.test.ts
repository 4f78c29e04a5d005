/** Log and stores that are away: what goes on, what is refused and how, and that it recovers without a restart. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, describe, it } from 'node:test';
import type { RecordingLine } from '../../schemas/api/sessions.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect, type Client } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Whole } from './support/whole.ts';

/** Rows whose bytes do not compress, about 3 MB. */
const LARGE = 'select md5(n::text) || md5((n + 1)::text) from generate_series(1, 45000) n';

describe('stores that are away', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  let person: Client;
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres, {
      gateway: { leaseMs: 4000, leaseRenewMs: 300, holdMs: 500, recordingLocalBytesMax: 1_048_576 },
    });
    person = await connect(whole, await whole.issue('person', 'human'));
    assert.equal(person.refused, undefined);
    await person.query('create table if not exists precious (n int)');
  });
  after(async () => {
    await person?.end();
    await whole?.stop();
    await postgres?.stop();
  });
  afterEach(() => {
    whole.switches.eventLogAway = false;
    whole.switches.controlStoreAway = false;
    whole.switches.recordingStoreAway = false;
  });
  const allReady = (): Promise<void> =>
    until('all roles are ready', async () => (await whole.health()).ready);
  const requests = async (identity: string): Promise<string[]> =>
    (await whole.events()).flatMap((event) =>
      event.body.kind === 'request' && event.identity?.id === `countersign/${identity}`
        ? [event.body.text ?? '']
        : [],
    );

  it('the event log: sessions go on, the spool grows and drains, every role comes back, nothing is lost', async () => {
    const login = await whole.issue('job');
    const job = await connect(whole, login);
    await job.query('select 0');
    await job.query('create table held (n int)');
    whole.switches.eventLogAway = true;
    whole.eventLog.failFollowers();
    for (let n = 1; n <= 50; n += 1) assert.equal((await job.query(`select ${n}`)).sqlState, undefined);
    const held = await job.query('update held set n = 1');
    assert.equal(held.sqlState, '42501', 'what waits for a verdict is refused in time');
    assert.match(held.detail, /onDetectionLag/);
    const unready = await whole.health();
    assert.equal(unready.ready, false);
    assert.ok(unready.roles.some(({ reason }) => reason !== undefined && reason !== ''));
    assert.ok((await whole.metric('countersign_spool_pending_bytes')) > 16_000, 'the gauge shows what waits');
    whole.switches.eventLogAway = false;
    await allReady();
    await until('all 50 are in the log, in order', async () => {
      const texts = (await requests('job')).filter((text) => /^select [1-9]/.test(text));
      return texts.join() === Array.from({ length: 50 }, (_, n) => `select ${n + 1}`).join();
    });
    await until('all 50 are in the index', async () => {
      const page = await whole.installation.storage.searchIndex.search({
        index: 'session-events',
        filters: [
          { field: 'user.id', is: 'countersign/job' },
          { field: 'event.action', is: 'request' },
        ],
        limit: 1000,
      });
      return page.hits.length === 53;
    });
    assert.equal((await job.query('select 51')).sqlState, undefined);
    await job.end();
  });

  it('the event log, and a lockout meanwhile: a view that may be stale ends machines, and the lockout holds when it is back', async () => {
    const login = await whole.issue('robot');
    const other = await connect(whole, await whole.issue('other-robot'));
    const robot = await connect(whole, login);
    whole.switches.eventLogAway = true;
    const answer = await whole.api.send<{ outcome: string }>('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: 'countersign/robot',
      reason: 'a test',
      wait: 'recorded',
    });
    assert.equal(answer.outcome, 'recorded');
    await until('machines are ended', () => robot.closed && other.closed);
    assert.match(other.farewell, /57P01/);
    assert.equal(
      (await person.query('select 1')).sqlState,
      undefined,
      'people go on with what does little harm',
    );
    whole.switches.eventLogAway = false;
    await allReady();
    assert.ok((await connect(whole, login)).refused !== undefined, 'its token is revoked for good');
    const fresh = await connect(whole, await whole.issue('robot'));
    assert.match(fresh.refused?.message ?? '', /locked out/);
    await until('the others may log in again', async () => {
      const again = await connect(whole, await whole.issue('other-robot'));
      await again.end();
      return again.refused === undefined;
    });
  });

  it('the control store: machines end, high risk of people is refused, logins are refused, and it recovers', async () => {
    const login = await whole.issue('machine');
    const unknown = await whole.issue('never-seen', 'human');
    const machine = await connect(whole, login);
    whole.switches.controlStoreAway = true;
    await until('the machine is ended', () => machine.closed);
    assert.match(machine.farewell, /57P01/);
    assert.equal((await person.query('select 1')).sqlState, undefined);
    const refused = await person.query('drop table precious');
    assert.equal(refused.sqlState, '57P03');
    assert.match(refused.detail, /LEASE_LOST/);
    for (const token of [login, unknown])
      assert.equal(
        (await connect(whole, token)).refused?.sqlState,
        '57P03',
        'not as if the token were wrong',
      );
    assert.match((await whole.health()).roles.find(({ name }) => name === 'gateway')?.reason ?? '', /lease/);
    await assert.rejects(whole.issue('nobody'), /control store/i);
    whole.switches.controlStoreAway = false;
    await allReady();
    const again = await connect(whole, login);
    assert.equal(again.refused, undefined);
    await again.end();
    const closes = (await whole.events()).filter(
      ({ body, identity }) => body.kind === 'session_closed' && identity?.id === 'countersign/machine',
    );
    assert.ok(closes.some(({ body }) => body.kind === 'session_closed' && body.reason === 'lease_lost'));
  });

  it("the control store's thread, killed: it is started again, and no session ends", async () => {
    const machine = await connect(whole, await whole.issue('survivor'));
    await whole.threads.get('sqlite-worker')!.terminate();
    await until('the store answers', async () => {
      await whole.issue('after-the-thread').catch(() => undefined);
      return (await whole.issue('after-the-thread').catch(() => undefined)) !== undefined;
    });
    await allReady();
    assert.equal((await machine.query('select 1')).sqlState, undefined);
    assert.ok(!machine.closed);
    await machine.end();
  });

  it('the search index, held by another process: ingest waits, and catches up', async () => {
    const job = await connect(whole, await whole.issue('unindexed'));
    const thief = new DatabaseSync(join(whole.config.dataFolder, 'index.sqlite'), { timeout: 20_000 });
    thief.exec('begin exclusive');
    try {
      for (let n = 0; n < 10; n += 1) await job.query(`select ${n} as unindexed`);
      await until(
        'ingest says that it waits',
        async () => {
          const { roles } = await whole.health();
          return roles.find(({ name }) => name === 'ingest')?.ready === false;
        },
        { mostMs: 20_000 },
      );
    } finally {
      thief.exec('rollback');
      thief.close();
    }
    await job.end();
    await allReady();
    await until('all is in the index', async () => {
      const found = await whole.installation.storage.searchIndex.count({
        index: 'session-events',
        filters: [{ field: 'user.id', is: 'countersign/unindexed' }],
        text: 'unindexed',
      });
      return found >= 10;
    });
  });

  it('the recording store: answers wait at the bound, nothing is dropped, copies stay until they are stored', async () => {
    const reader = await connect(whole, await whole.issue('reader', 'human'));
    whole.switches.recordingStoreAway = true;
    let done = false;
    const large = reader.query(LARGE).finally(() => (done = true));
    const local = join(whole.config.gateway.recordingFolder);
    await until('local copies reach the bound', () => sizeOf(local) > 512 * 1024);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(done, false, 'the answer waits');
    assert.ok(sizeOf(local) <= 1_048_576 + 300 * 1024, `${sizeOf(local)} bytes wait`);
    whole.switches.recordingStoreAway = false;
    const answer = await large;
    assert.equal(answer.rows.length, 45_000);
    await reader.end();
    const sessionId = (await whole.events()).findLast(
      ({ body, identity }) => body.kind === 'session_opened' && identity?.id === 'countersign/reader',
    )!.session!.id;
    await until('no local copy is left', () => !readdirSync(local).includes(sessionId));
    const bytes = (await recordingOf(sessionId))
      .filter(({ stream }) => stream === 'out')
      .reduce((sum, { data }) => sum + Buffer.from(data, 'base64').length, 0);
    assert.ok(bytes > 45_000 * 64, 'the recording has what the client received');

    // And a chunk that rots is isolated.
    const stored = join(whole.config.recordingStore.folder, sessionId);
    const chunk = readdirSync(stored).filter((name) => name.endsWith('.chunk'))[3]!;
    const rotten = readFileSync(join(stored, chunk));
    rotten[rotten.length >> 1]! ^= 0xff;
    writeFileSync(join(stored, chunk), rotten);
    const lines = await recordingOf(sessionId);
    assert.equal(lines.filter(({ stream }) => stream === 'problem').length, 1);
    assert.match(lines.find(({ stream }) => stream === 'problem')!.data, /piece 3 cannot be read/);
    const left = lines
      .filter(({ stream }) => stream === 'out')
      .reduce((sum, { data }) => sum + Buffer.from(data, 'base64').length, 0);
    assert.ok(left > bytes - 300 * 1024 && left < bytes, 'the rest is readable');
  });

  const sizeOf = (folder: string): number => {
    let bytes = 0;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        try {
          bytes += readFileSync(join(entry.parentPath, entry.name)).length;
        } catch {
          // Stored in the meantime.
        }
    return bytes;
  };
  const recordingOf = async (sessionId: string): Promise<RecordingLine[]> => {
    const lines: RecordingLine[] = [];
    const signal = new AbortController().signal;
    for await (const line of whole.api.lines(`/v1/sessions/${sessionId}/recording`, {}, signal))
      if (line !== '') lines.push(JSON.parse(line) as RecordingLine);
    return lines;
  };
});
