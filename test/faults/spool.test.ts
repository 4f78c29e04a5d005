/** The spool without room: nothing runs unrecorded, nobody is thrown out, and it comes back by itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect, type Client } from './support/client.ts';
import { until } from '../support/until.ts';
import { dropFolder, makeFolder, startWhole, type Whole } from './support/whole.ts';

const FILLER = `select '${'x'.repeat(4000)}'`;

/** Runs statements until one is refused; gives how many ran, and the refusal. */
async function untilRefused(
  client: Client,
  sql = FILLER,
): Promise<{ ran: number; sqlState: string; detail: string; message: string }> {
  for (let ran = 0; ran < 5000; ran += 1) {
    const { sqlState, detail, message } = await client.query(sql);
    if (sqlState !== undefined) return { ran, sqlState, detail, message };
  }
  throw new Error('the spool took everything');
}

const requestsOf = async (whole: Whole, subject: string): Promise<number> =>
  (await whole.events()).filter(
    ({ body, identity }) => body.kind === 'request' && identity?.id === `countersign/${subject}`,
  ).length;

describe('a spool', () => {
  let postgres: TestPostgres;
  let whole: Whole | undefined;
  before(async () => {
    postgres = await startPostgres();
  });
  afterEach(async () => {
    await whole?.stop();
    whole = undefined;
  });
  after(() => postgres?.stop());

  it('at its bound while the log is away: commands refused by code, sessions live, nothing lost when it is back', async () => {
    whole = await startWhole(postgres, { gateway: { spoolBytesMax: 200_000, spoolSegmentBytes: 32_768 } });
    const client = await connect(whole, await whole.issue('filler'));
    const bystander = await connect(whole, await whole.issue('bystander'));
    await client.query('select 1');
    whole.switches.eventLogAway = true;
    const refusal = await untilRefused(client);
    assert.match(refusal.detail, /SPOOL_FULL/);
    assert.equal(refusal.sqlState, '53100', 'disk_full: a client may try again later');
    assert.ok(refusal.ran > 5, 'up to the bound commands go on');
    // Smaller ones still fit, for a while.
    const other = await untilRefused(bystander, 'select 1');
    assert.match(other.detail, /SPOOL_FULL/);
    assert.ok(!client.closed && !bystander.closed, 'nobody is thrown out');
    const late = await connect(whole, await whole.issue('late'));
    assert.match(late.refused?.message ?? '', /spool is full/);
    assert.equal(late.refused?.sqlState, '53100');
    await until('/readyz says so', async () => !(await whole!.health()).ready);
    assert.ok((await whole.metric('countersign_spool_refused_total')) > 0);
    assert.ok(whole.installation.storage.eventLog !== undefined);

    whole.switches.eventLogAway = false;
    await until('commands run again', async () => (await client.query('select 2')).sqlState === undefined);
    assert.equal((await bystander.query('select 2')).sqlState, undefined);
    await client.end();
    await bystander.end();
    // Each that ran has its request, and the one that was refused for want of room has none; it was never numbered.
    await until(
      'all that ran is in the log',
      async () => (await requestsOf(whole!, 'filler')) >= refusal.ran + 2,
    );
    await until('/readyz is ready', async () => (await whole!.health()).ready);
    const closed = (await whole.events()).filter(
      ({ body, identity }) => body.kind === 'session_closed' && identity?.id === 'countersign/filler',
    );
    assert.equal(closed.length, 1);
    const events = (await whole.events()).filter(({ session }) => session?.id === closed[0]!.session!.id);
    assert.deepEqual(
      events.map(({ session }) => session!.sequence).toSorted((a, b) => a - b),
      events.map((_, index) => index + 1),
      'no gap in the session',
    );
  });

  it('that lets commands through uncounted counts them in the heartbeat', async () => {
    whole = await startWhole(postgres, {
      gateway: { spoolBytesMax: 65_536, onSpoolFull: 'allow_and_count', heartbeatMs: 300 },
    });
    const client = await connect(whole, await whole.issue('counted'));
    await client.query('select 1');
    whole.switches.eventLogAway = true;
    for (let n = 0; n < 60; n += 1) assert.equal((await client.query(FILLER)).sqlState, undefined);
    assert.ok((await whole.metric('countersign_requests_unaudited_total')) > 0);
    whole.switches.eventLogAway = false;
    await until('the spool is drained', async () => (await whole!.health()).ready);
    await until('the heartbeats say how many', async () => {
      const unaudited = (await whole!.events()).reduce(
        (sum, { body }) => sum + (body.kind === 'heartbeat' ? body.unaudited : 0),
        0,
      );
      return unaudited > 0 && unaudited + (await requestsOf(whole!, 'counted')) === 61;
    });
    await client.end();
  });

  it('on a disk that says ENOSPC refuses commands, keeps sessions, and goes on when there is room', async () => {
    whole = await startWhole(postgres);
    const client = await connect(whole, await whole.issue('full'));
    await client.query('select 1');
    whole.switches.diskFull = true;
    const refused = await client.query('select 2');
    assert.match(refused.detail, /SPOOL_FULL/);
    assert.ok(!client.closed);
    whole.switches.diskFull = false;
    await until('commands run again', async () => (await client.query('select 3')).sqlState === undefined);
    await client.end();
    await until('the session is closed in the log', async () =>
      (await whole!.events()).some(
        ({ body, identity }) => body.kind === 'session_closed' && identity?.id === 'countersign/full',
      ),
    );
  });
});

const mount = (path: string): boolean =>
  process.getuid?.() === 0 &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path], { stdio: 'ignore' }).status === 0;

describe('a real disk without room', () => {
  let folder = '';
  let disk = '';
  let mounted = false;
  let postgres: TestPostgres | undefined;
  let whole: Whole | undefined;
  before(async () => {
    folder = makeFolder();
    disk = join(folder, 'data');
    mkdirSync(disk);
    mounted = mount(disk);
    if (mounted) postgres = await startPostgres();
  });
  after(async () => {
    await whole?.stop();
    if (mounted) spawnSync('umount', ['-l', disk]);
    await postgres?.stop();
    dropFolder(folder);
  });

  it('refuses commands, crashes nothing, and works again by itself when there is room', async (t) => {
    if (postgres === undefined) {
      t.skip('needs root and a tmpfs');
      return;
    }
    whole = await startWhole(postgres, {}, { folder });
    const client = await connect(whole, await whole.issue('tight'));
    await client.query('create table tight (n int)');
    const ballast = join(disk, 'ballast');
    const file = openSync(ballast, 'w');
    const fill = (): void => {
      // In ever smaller pieces, so that not a page is left.
      for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1)
        try {
          for (;;) writeSync(file, Buffer.alloc(bytes));
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
        }
    };
    fill();
    assert.ok(statfsSync(disk).bavail < 10);
    let ran = 0;
    let refusal = await client.query(`insert into tight values (${ran})`);
    await until('a command is refused', async () => {
      if (refusal.sqlState !== undefined) return true;
      ran += 1;
      fill();
      refusal = await client.query(`insert into tight values (${ran})`);
      return false;
    });
    assert.match(refusal.detail, /SPOOL_FULL|SPOOL_FAILED/);
    assert.ok(!client.closed);
    closeSync(file);
    rmSync(ballast);
    let later = 0;
    await until('commands run again', async () => {
      later += 1;
      return (await client.query(`insert into tight values (${ran + later})`)).sqlState === undefined;
    });
    const { rows } = await client.query('select count(*)::int from tight');
    await client.end();
    await until('all is ready', async () => (await whole!.health()).ready);
    await until('each that ran has its request', async () => {
      const requests = (await whole!.events()).flatMap(({ body }) =>
        body.kind === 'request' &&
        body.decision.outcome === 'allow' &&
        body.text?.startsWith('insert into tight')
          ? [body.text]
          : [],
      );
      return new Set(requests).size === rows[0]![0];
    });
  });
});
