import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createDraw } from '../../main/exercise/draw.ts';
import { ordinarySession, planDay, planHistory } from '../../main/exercise/history.ts';
import { drawActor } from '../../main/exercise/jobs.ts';
import type { PlannedSession } from '../../main/exercise/plan.ts';
import type { Action, Detection } from '../../schemas/types.ts';
import { createBacktest, type Backtest } from '../backtest/backtest.ts';
import { BASELINES } from '../baselines/registry.ts';
import { clientToolBaseline } from '../baselines/client-tool.ts';
import { credentialSourceBaseline } from '../baselines/credential-source.ts';
import { sourceNetworkBaseline } from '../baselines/source-network.ts';
import { temporaryObjectsBaseline } from '../baselines/temporary-objects.ts';
import { createEventView } from '../engine/event-view.ts';
import { EMPTY_DIRECTORY } from '../directory/directory.ts';
import { DETECTOR_DEFAULTS } from './support/defaults.ts';
import { planEvents } from './support/events.ts';
import { DAY_MS, TODAY } from './support/trial.ts';

const MINUTE_MS = 60_000;

function known(seed: number, job = 'deploy', timeZone = 'UTC', config = {}) {
  const random = createSeededRandom(seed);
  const draw = createDraw(random);
  const actor = { ...drawActor(draw, seed, job), timeZone };
  const run: Backtest = createBacktest(BASELINES, EMPTY_DIRECTORY, {
    ...DETECTOR_DEFAULTS,
    // No person ever closes an incident.
    closesAfterMs: Infinity,
    ...config,
  });
  const take = (sessions: readonly PlannedSession[]): Detection[] =>
    planEvents(actor, sessions, random)
      .map((event) => ({
        ...event,
        identity: { ...event.identity!, attributes: timeZone === 'UTC' ? {} : { timeZone } },
      }))
      .flatMap((event) => run.take(event));
  const usual = take(planHistory(actor, draw, TODAY, 28));
  return { actor, draw, take, usual };
}

describe('detectors: learning', () => {
  it('goes on after a day where no incident was ever opened, and not before', () => {
    for (const learnAgainAfterMs of [DAY_MS, 100 * DAY_MS]) {
      const { actor, draw, take } = known(31, 'deploy', 'UTC', { learnAgainAfterMs });
      const thief = {
        ...ordinarySession(actor, draw, TODAY + DAY_MS + 2 * 3_600_000, [
          { sql: 'select rolname from pg_roles', afterMs: 1000, rows: 9, bytes: 300 },
          { sql: 'drop table customers', afterMs: 1000, rows: 0, bytes: 0 },
        ]),
        ip: '203.0.113.7',
      };
      assert.ok(take([thief]).some(({ detector }) => detector === 'identity-risk'));
      // The runners move for good.
      const moved = { ...actor, networks: ['10.99.1'] };
      const speaks = [3, 4, 5, 6, 7, 8, 9, 10].map((day) =>
        take(planDay(moved, draw, TODAY + day * DAY_MS)).some(
          ({ detector }) => detector === 'source-network',
        ),
      );
      assert.equal(speaks[0], true);
      assert.equal(speaks.at(-1), learnAgainAfterMs > DAY_MS);
    }
  });

  it('a token that shows up in a second network is noticed, unless tokens of the identity always do', () => {
    const twice = (session: PlannedSession, ip: string): PlannedSession => ({
      ...session,
      at: session.at + 2 * MINUTE_MS,
      ip,
    });
    const { actor, draw, take, usual } = known(32);
    assert.ok(usual.every(({ detector }) => detector !== 'token-networks'));
    const [session] = planDay(
      { ...actor, work: { ...actor.work, weekdaysOnly: false } },
      draw,
      TODAY + DAY_MS,
    );
    const found = take([session!, twice(session!, '203.0.113.7')]).filter(
      ({ detector }) => detector === 'token-networks',
    );
    assert.equal(found.length, 1);
    assert.ok(found[0]!.risk >= 40, String(found[0]!.risk));

    const roaming = known(33);
    const days = Array.from({ length: 20 }, (_, day) =>
      planDay(roaming.actor, roaming.draw, TODAY + (day + 1) * DAY_MS).flatMap((one) => [
        one,
        twice(one, '10.77.1.9'),
      ]),
    );
    days.slice(0, 19).forEach((day) => void roaming.take(day));
    assert.ok(roaming.take(days[19]!).every(({ detector }) => detector !== 'token-networks'));
  });

  it('judges hours in the time zone that stands on the identity', () => {
    const { actor, draw, take, usual } = known(34, 'deploy', 'Asia/Tokyo');
    assert.ok(usual.every(({ detector }) => detector !== 'hour-of-week'));
    // Noon in UTC is 21:00 in Tokyo; the job starts at 07:00 at the earliest and works for nine hours.
    const late = ordinarySession(actor, draw, TODAY + DAY_MS + 13 * 3_600_000, [
      { sql: 'select 1', afterMs: 1000, rows: 1, bytes: 4 },
    ]);
    const [found] = take([late]).filter(({ detector }) => detector === 'hour-of-week');
    assert.match(found!.reason, /22:00 \(Asia\/Tokyo\)/);
  });
});

describe('detectors: temporary tables', () => {
  const random = createSeededRandom(35);
  const draw = createDraw(random);
  const actor = drawActor(draw, 35, 'deploy');
  const harmless = (statements: readonly [sql: string, failsWith?: string][]): boolean => {
    const session = ordinarySession(
      actor,
      draw,
      TODAY,
      statements.map(([sql, failsWith]) => ({
        sql,
        afterMs: 1000,
        rows: 0,
        bytes: 0,
        ...(failsWith === undefined ? {} : { failsWith }),
      })),
    );
    const state = temporaryObjectsBaseline.createState();
    let found = false;
    for (const event of planEvents(actor, [session], random)) {
      const text = event.body.kind === 'request' ? (event.body.text ?? '') : '';
      const view = createEventView(
        event.body.kind === 'request'
          ? { ...event, body: { ...event.body, actions: actionsOf(text) } }
          : event,
      );
      temporaryObjectsBaseline.onEvent(view, state, {
        now: event.time,
        mayLearn: true,
        directory: EMPTY_DIRECTORY,
      });
      if (text.includes('drop table')) found = view.field('facts.drops_temporary').includes(true);
    }
    return found;
  };
  const actionsOf = (text: string): Action[] => {
    const action = (name: Action['action'], object: string | null): Action => ({
      action: name,
      object,
      objectKind: 'table',
      columns: [],
      whole: false,
    });
    if (text.startsWith('create')) return [action('create', 'pg_temp.s')];
    if (text.startsWith('drop')) return [action('drop', 'public.s')];
    return [action('transaction', null)];
  };

  it('dropping what the session made itself is told from dropping a table', () => {
    assert.equal(harmless([['create temp table s (a int)'], ['drop table s']]), true);
    assert.equal(harmless([['create temp table s (a int)'], ['drop table if exists s;']]), true);
    assert.equal(harmless([['drop table s']]), false);
    assert.equal(harmless([['create temp table s (a int)', '42501'], ['drop table s']]), false);
    assert.equal(harmless([['create temp table s (a int)'], ['drop table public.s']]), false);
    assert.equal(harmless([['create temp table s (a int)'], ['drop table s cascade']]), false);
    assert.equal(harmless([['create temp table s (a int) on commit drop'], ['drop table s']]), false);
    assert.equal(harmless([['create temp table s (a int)'], ['rollback'], ['drop table s']]), false);
    assert.equal(harmless([['create temp table s (a int)'], ['drop table s'], ['drop table s']]), false);
  });
});

describe('detectors: an account whose first run raised suspicion', () => {
  it('is no stranger for ever: what was taken back is not held against it', () => {
    const random = createSeededRandom(36);
    const draw = createDraw(random);
    const actor = drawActor(draw, 36, 'deploy');
    const day = (number: number): ReturnType<typeof planEvents> =>
      planEvents(
        actor,
        [
          ordinarySession(
            actor,
            draw,
            TODAY + number * DAY_MS,
            Array.from({ length: 40 }, () => ({ sql: 'select 1', afterMs: 1000, rows: 1, bytes: 4 })),
          ),
        ],
        random,
      );
    for (const baseline of [sourceNetworkBaseline, clientToolBaseline, credentialSourceBaseline]) {
      const state = baseline.createState() as never;
      const feed = (number: number, mayLearn: boolean): number =>
        day(number).flatMap((event) =>
          baseline.onEvent(createEventView(event), state, {
            now: event.time,
            mayLearn,
            directory: EMPTY_DIRECTORY,
          }),
        ).length;
      feed(0, true);
      feed(0.1, false);
      assert.equal(feed(7, true), 0, baseline.name);
    }
  });
});
