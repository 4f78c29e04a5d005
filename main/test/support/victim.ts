/** Service accounts with learned behaviour, whose tokens can then be used by somebody else. All of it as exercises do it. */
import type { ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { createDraw } from '../../exercise/draw.ts';
import { drawActor } from '../../exercise/jobs.ts';
import type { Actor } from '../../exercise/plan.ts';
import { toLoopback, zoneWhereItIs } from '../../exercise/run-exercise.ts';
import { sendHistory } from '../../exercise/send-history.ts';
import { createStatementAnalyser } from '../../exercise/statement-analyser.ts';
import { makeLogin, type Login } from './clients.ts';

export interface Victim {
  readonly actor: Actor;
  readonly exerciseId: string;
  readonly login: Login;
  /** An address of its own network. */
  readonly home: string;
  /** An address that it never came from. */
  readonly elsewhere: string;
}

export interface School {
  /** Resolves when the detectors have learned its history. `hour`: what time it is for it now; its days begin at 7 to 10 and last nine hours. */
  victim(wanted: { number: number; seed: number; days: number; hour: number }): Promise<Victim>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Reads credentials whole and sleeps on each row: it runs for hours unless somebody ends it, and no policy holds it. */
export const OFFENDING = 'select email, password_hash, pg_sleep(5) from app_users';

export async function openSchool({
  api,
  listener,
}: {
  readonly api: ApiClient;
  readonly listener: ListenerAnswer;
}): Promise<School> {
  const clock = createSystemClock();
  const analyser = await createStatementAnalyser(clock);
  const { host, port } = listener;
  const target = { connection: 'sample', protocol: 'postgres', host, port, database: null, role: null };
  return {
    async victim({ number, seed, days, hour }) {
      const now = clock.now();
      const timeZone = zoneWhereItIs(hour, now);
      const random = createSeededRandom(seed * 100_003 + number);
      const draw = createDraw(random);
      const drawn = drawActor(draw, number, 'deploy');
      const actor: Actor = { ...drawn, timeZone, networks: drawn.networks.map(toLoopback) };
      const exerciseId = `school-${seed}-${number}`;
      const login = await makeLogin(api, actor.subject, {
        attributes: { exercise_id: exerciseId, exercise_live: 'true', timeZone },
        credentialSource: actor.credentialSource,
        groups: actor.groups,
      });
      const span = { until: now - HOUR_MS, days };
      await sendHistory(actor, draw, span, { api, random, analyse: analyser.analyse, target, exerciseId });
      return {
        actor,
        exerciseId,
        login,
        home: `${actor.networks[0]!}.7`,
        elsewhere: `127.0.${draw.between(112, 114)}.${draw.between(2, 250)}`,
      };
    },
    close: () => analyser.close(),
  };
}
