/** The wall clock steps by hours: what is held by time holds by monotonic time, and order never depends on it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Whole } from './support/whole.ts';

const HOUR = 3_600_000;

describe('a clock that steps', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  let stepped = 0;
  const step = (ms: number): void => {
    stepped += ms;
    whole.clock.step(ms);
  };
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres, {
      gateway: { leaseMs: 2000, leaseRenewMs: 200, holdMs: 2000 },
      policy: {
        rules: [
          {
            name: 'writes-held',
            kinds: ['service_account'],
            actions: ['write'],
            outcome: 'hold_verdict',
            reason: 'writes wait for the detectors',
          },
          { name: 'rest', outcome: 'allow', reason: 'because' },
        ],
      },
    });
  });
  afterEach(() => step(-stepped));
  after(async () => {
    await whole?.stop();
    await postgres?.stop();
  });

  for (const [what, ms] of [
    ['back', -6 * HOUR],
    ['forth', 6 * HOUR],
  ] as const) {
    it(`${what} by 6 hours: sessions, lease and holds go on; events stay in order; chains verify`, async () => {
      const job = await connect(whole, await whole.issue(`job-${what}`, 'service_account', 24 * HOUR));
      await job.query(`create table if not exists stepped_${what} (n int)`);
      assert.equal((await job.query(`insert into stepped_${what} values (1)`)).sqlState, undefined);
      step(ms);
      assert.equal(
        (await job.query(`insert into stepped_${what} values (2)`)).sqlState,
        undefined,
        'a held write passes',
      );
      // Longer than the lease: it is renewed, whatever the wall says.
      const { rows } = await job.query('select pg_sleep(2.5)');
      assert.equal(rows.length, 1);
      assert.equal((await job.query(`insert into stepped_${what} values (3)`)).sqlState, undefined);
      assert.ok(!job.closed);
      assert.equal((await whole.health()).ready, true);
      step(-ms);
      assert.equal((await job.query(`insert into stepped_${what} values (4)`)).sqlState, undefined);
      await job.end();
      const own = async () =>
        (await whole.events()).filter(({ identity }) => identity?.id === `countersign/job-${what}`);
      await until('the session is closed', async () =>
        (await own()).some(({ body }) => body.kind === 'session_closed'),
      );
      const events = (await own()).filter(({ session }) => session !== null);
      assert.deepEqual(
        events.map(({ session }) => session!.sequence),
        events.map((_, index) => index + 1),
      );
      const ids = events.map(({ eventId }) => eventId);
      assert.deepEqual(ids, ids.toSorted(), 'ids grow although the clock went back');
      for (const [index, event] of events.entries())
        if (index > 0) assert.deepEqual(event.previousHash, events[index - 1]!.hash);
    });
  }

  it('a token holds and ends by the wall clock, and comes back with it', async () => {
    const login = await whole.issue('short', 'human', 2 * HOUR);
    step(3 * HOUR);
    const late = await connect(whole, login);
    assert.ok(late.refused !== undefined, 'after its end it is refused');
    assert.match(late.refused.message, /expired/i);
    step(-3 * HOUR);
    const again = await connect(whole, login);
    assert.equal(again.refused, undefined, 'the clock was wrong, not the token');
    await again.end();
  });

  it('a lockout does not fall early when the clock steps back, nor end unasked when it steps forth', async () => {
    const login = await whole.issue('locked', 'human', 24 * HOUR);
    const open = await connect(whole, login);
    await whole.api.send('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: 'countersign/locked',
      reason: 'a test',
      ttlMs: HOUR,
    });
    await until('the session is ended', () => open.closed);
    for (const ms of [-6 * HOUR, 0, 6 * HOUR]) {
      step(ms - stepped);
      const fresh = await whole.issue('locked', 'human', 24 * HOUR);
      const { refused } = await connect(whole, fresh);
      assert.ok(refused !== undefined, `refused with the clock at ${ms / HOUR} h`);
    }
  });

  it('a session that is open when its token ends by a step is told why, and its end is in the log', async () => {
    const client = await connect(whole, await whole.issue('over', 'human', HOUR));
    step(2 * HOUR);
    const answer = await client.query('select 1');
    assert.match(`${answer.message} ${client.farewell}`, /expired/);
    await client.end();
    await until('its end is in the log', async () =>
      (await whole.events()).some(
        ({ body, identity }) => body.kind === 'session_closed' && identity?.id === 'countersign/over',
      ),
    );
  });
});
