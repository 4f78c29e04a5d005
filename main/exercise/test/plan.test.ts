import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createCodec } from '../../../schemas/codec.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { ATTACKS } from '../attacks.ts';
import { BENIGN_CHANGES } from '../benign.ts';
import { createDraw } from '../draw.ts';
import { atLocalHour, planHistory } from '../history.ts';
import { drawActor, JOBS } from '../jobs.ts';
import { createPlanEvents } from '../plan-events.ts';

const UNTIL = Date.UTC(2026, 2, 2);
const target = {
  connection: 'sample',
  protocol: 'postgres',
  host: '127.0.0.1',
  port: 5432,
  database: 'shop',
  role: 'app',
};
const analyse = (sql: string) => ({
  actions: [],
  risk: 'none' as const,
  fingerprint: sql.slice(0, 20),
  text: sql,
});

describe('exercise: plans', () => {
  it('the same seed gives the same plan, another seed another', () => {
    const plan = (seed: number): unknown => {
      const draw = createDraw(createSeededRandom(seed));
      return planHistory(drawActor(draw, 1), draw, UNTIL, 7);
    };
    assert.deepEqual(plan(5), plan(5));
    assert.notDeepEqual(plan(5), plan(6));
  });

  for (const job of JOBS) {
    it(`${job.name}: four weeks of work keep to the actor's hours and networks`, () => {
      const draw = createDraw(createSeededRandom(11));
      const actor = drawActor(draw, 1, job.name);
      const plans = planHistory(actor, draw, UNTIL, 28);
      assert.ok(plans.length > 28, `${plans.length} sessions`);
      const hours = new Set(actor.work.hours.map(({ hour }) => hour));
      for (const plan of plans) {
        assert.ok(actor.networks.some((network) => plan.ip.startsWith(`${network}.`)));
        const local = Number(
          new Intl.DateTimeFormat('en-GB', {
            timeZone: actor.timeZone,
            hour: 'numeric',
            hourCycle: 'h23',
          }).format(plan.at),
        );
        assert.ok(hours.has(local), `${local} is not among ${[...hours].join()}`);
      }
    });
  }

  it('local hours follow the zone over a change of clocks', () => {
    for (const day of [Date.UTC(2026, 2, 28), Date.UTC(2026, 2, 30)]) {
      const at = atLocalHour({ timeZone: 'Europe/Berlin' }, day, 9, 0);
      assert.equal(
        new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: 'numeric' }).format(at),
        '09',
      );
    }
  });

  it('every attack and every benign change plans sessions, whose events fit the schema', () => {
    const codec = createCodec('session-event');
    const random = createSeededRandom(3);
    const draw = createDraw(random);
    const events = createPlanEvents({ random, analyse, target, origin: 'exercise', exerciseId: 'x' });
    for (const { name, plan } of [...ATTACKS, ...BENIGN_CHANGES]) {
      const actor = drawActor(draw, 1, 'deploy');
      // A Wednesday, so that those who rest on weekends work.
      const sessions = plan(actor, draw, Date.UTC(2026, 2, 4));
      assert.ok(sessions.length > 0 && sessions.every(({ statements }) => statements.length > 0), name);
      for (const session of sessions) {
        const made: SessionEvent[] = [...events(actor, session)];
        assert.deepEqual(
          made.map(({ session: at }) => at!.sequence),
          made.map((_, index) => index + 1),
        );
        for (const event of made) assert.ok(codec.decode(codec.encode(event)).ok);
      }
    }
  });
});
