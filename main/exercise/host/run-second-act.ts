/** The second act against a running gateway, and one more try with the same key when it is over. */
import type { ApiClient } from '../../../cli/api-client.ts';
import type { Clock, Random } from '../../../platform/clock/clock.ts';
import { SSH_SPEECH } from '../plan-events.ts';
import { runExercise, type ExerciseResult, type TimelineEntry } from '../run-exercise.ts';
import { createHostAnalyser } from './command-analyser.ts';
import { makeHostKey, runHostSession } from './live-host-session.ts';
import { SECOND_ACT } from './second-act.ts';

export interface SecondActDeps {
  readonly api: ApiClient;
  readonly clock: Clock;
  /** Seeded. */
  readonly random: Random;
  readonly connection: string;
  readonly exerciseId: string;
  readonly pauseMsMax?: number;
  readonly say: (entry: TimelineEntry) => void;
}

export interface SecondActResult extends ExerciseResult {
  /** What the next login with the same key was told; null: it got in. */
  readonly nextLogin: string | null;
}

export async function runSecondAct(deps: SecondActDeps): Promise<SecondActResult> {
  const { api, clock, connection } = deps;
  const { host, port, hostKeys } = await api.get<{ host: string; port: number; hostKeys: string[] }>(
    '/v1/listeners/ssh',
  );
  const gateway = { host, port, hostKeys, connection };
  const analyser = await createHostAnalyser();
  const key = makeHostKey();
  let ip: string | undefined;
  try {
    const result = await runExercise(SECOND_ACT, {
      api,
      clock,
      random: deps.random,
      analyse: analyser.analyse,
      runSession(_login, plan, options, say) {
        ip = plan.ip;
        return runHostSession(clock, gateway, key, plan, options, say);
      },
      target: { connection, protocol: 'ssh', host, port, database: null, role: null },
      speech: SSH_SPEECH,
      unit: 'lines',
      tokenAttributes: { ssh_key: key.fingerprint },
      exerciseId: deps.exerciseId,
      ...(deps.pauseMsMax === undefined ? {} : { pauseMsMax: deps.pauseMsMax }),
      say: deps.say,
    });
    const again = await runHostSession(
      clock,
      gateway,
      key,
      {
        at: clock.now(),
        ip: ip ?? '127.0.0.1',
        tool: 'OpenSSH',
        tokenId: '',
        tokenIssuedAt: 0,
        tokenExpiresAt: 0,
        statements: [],
      },
      { pauseMsMax: 0 },
      () => undefined,
    );
    return { ...result, asExpected: result.asExpected && again.refused !== null, nextLogin: again.refused };
  } finally {
    key.remove();
    await analyser.close();
  }
}
