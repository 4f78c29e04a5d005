/** An actor's weeks of ordinary work as the history of an exercise: through the API into the log and past the detectors, in event time. */
import type { ApiClient } from '../../cli/api-client.ts';
import type { Random } from '../../platform/clock/clock.ts';
import type { ImportAnswer } from '../../schemas/api/imports.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { Target } from '../../schemas/types.ts';
import { planHistory } from './history.ts';
import type { Actor, Draw } from './plan.ts';
import { createPlanEvents, type AnalysedStatement, type Speech } from './plan-events.ts';

export interface HistoryDeps {
  readonly api: ApiClient;
  /** Seeded, as the plan's draw is. */
  readonly random: Pick<Random, 'uuidv7'>;
  readonly analyse: (sql: string) => AnalysedStatement;
  readonly target: Target;
  readonly exerciseId: string;
  readonly speech?: Speech;
}

/** Resolves with the number of events once the detectors have passed all of them. */
export async function sendHistory(
  actor: Actor,
  draw: Draw,
  span: { readonly until: number; readonly days: number },
  { api, random, analyse, target, exerciseId, speech }: HistoryDeps,
): Promise<number> {
  const codec = createCodec('session-event');
  const eventsOf = createPlanEvents({
    random,
    analyse,
    target,
    origin: 'exercise',
    exerciseId,
    ...(speech === undefined ? {} : { speech }),
  });
  const lines: string[] = [];
  for (const session of planHistory(actor, draw, span.until, span.days)) {
    for (const event of eventsOf(actor, session)) lines.push(JSON.stringify(codec.toJson(event)));
  }
  const answer = await api.sendText<ImportAnswer>(
    'POST',
    `/v1/events/import?wait=detected&exercise=${encodeURIComponent(exerciseId)}`,
    'application/x-ndjson',
    `${lines.join('\n')}\n`,
  );
  if (answer.imported !== lines.length)
    throw new Error(`the history was not taken whole: ${JSON.stringify(answer.problems.slice(0, 3))}`);
  return answer.imported;
}
