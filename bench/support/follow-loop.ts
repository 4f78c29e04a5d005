/** What the loop says about its steps: their times as they stand in events, detections and responses. */
import type { ApiClient } from '../../cli/api-client.ts';
import type { Detection, ResponseStep, SessionEvent } from '../../schemas/types.ts';

export interface LoopRecords {
  /** The request of the offending statement. */
  readonly event: SessionEvent | undefined;
  /** The end of the session. */
  readonly end: SessionEvent | undefined;
  readonly detections: readonly Detection[];
  readonly steps: readonly ResponseStep[];
}

export interface Following {
  /** What is known of an exercise so far. */
  of(exerciseId: string): LoopRecords;
  stop(): void;
}

export async function followLoop(api: ApiClient): Promise<Following> {
  const abort = new AbortController();
  const events = new Map<string, SessionEvent>();
  const ends = new Map<string, SessionEvent>();
  const detections = new Map<string, Detection[]>();
  const steps = new Map<string, ResponseStep[]>();
  const follow = async <T extends { exerciseId: string | null }>(
    topic: string,
    take: (id: string, record: T) => void,
  ): Promise<void> => {
    for await (const line of api.lines('/v1/events/stream', { topic }, abort.signal)) {
      const record = JSON.parse(line) as T;
      if (record.exerciseId !== null) take(record.exerciseId, record);
    }
  };
  const add = <T>(map: Map<string, T[]>, id: string, record: T): void => {
    const list = map.get(id) ?? [];
    map.set(id, list);
    list.push(record);
  };
  const all = [
    follow<SessionEvent>('session-events', (id, event) => {
      if (event.body.kind === 'request') events.set(id, event);
      if (event.body.kind === 'session_closed') ends.set(id, event);
    }),
    follow<Detection>('detections', (id, detection) => add(detections, id, detection)),
    follow<ResponseStep>('responses', (id, step) => add(steps, id, step)),
  ];
  for (const stream of all) stream.catch(() => undefined);
  await api.get('/v1/whoami');
  return {
    of: (id) => ({
      event: events.get(id),
      end: ends.get(id),
      detections: detections.get(id) ?? [],
      steps: steps.get(id) ?? [],
    }),
    stop: () => abort.abort(),
  };
}
