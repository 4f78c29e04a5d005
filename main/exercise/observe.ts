import type { ApiClient } from '../../cli/api-client.ts';
import type { Detection, Incident, ResponseStep } from '../../schemas/types.ts';

export interface Observed {
  readonly ready: Promise<void>;
  readonly detections: Detection[];
  readonly incidents: Incident[];
  readonly responses: ResponseStep[];
  stop(): void;
}

/** Follows what detectors and responders say about the identity. */
export function observe(
  identityId: string,
  { api, exerciseId }: { readonly api: ApiClient; readonly exerciseId: string },
  say: (who: 'detector' | 'responder', text: string) => void,
): Observed {
  const abort = new AbortController();
  const detections: Detection[] = [];
  const incidents: Incident[] = [];
  const responses: ResponseStep[] = [];
  const follow = async <T>(topic: string, take: (record: T) => void): Promise<void> => {
    for await (const line of api.lines('/v1/events/stream', { topic }, abort.signal)) {
      const record = JSON.parse(line) as T & { exerciseId: string | null };
      if (record.exerciseId === exerciseId) take(record);
    }
  };
  const streams = [
    follow<Detection>('detections', (detection) => {
      if (detection.identityId !== identityId) return;
      detections.push(detection);
      say(
        'detector',
        `${detection.detector} (risk ${detection.risk}, identity ${detection.identityRisk}): ${detection.reason}`,
      );
    }),
    follow<Incident>('incidents', (incident) => void incidents.push(incident)),
    follow<ResponseStep>('responses', (step) => {
      responses.push(step);
      if (step.state !== 'intended')
        say(
          'responder',
          `${step.playbook}: ${step.action} ${step.subject} ${step.state}${step.detail === '' ? '' : ` (${step.detail})`}`,
        );
    }),
  ];
  const all = Promise.all(streams).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    // The streams are open once the server has answered one more call on the same API.
    ready: Promise.race([all.then(() => undefined), api.get('/v1/whoami').then(() => undefined)]),
    detections,
    incidents,
    responses,
    stop: () => abort.abort(),
  };
}
