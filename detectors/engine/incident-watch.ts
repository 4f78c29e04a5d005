import type { EventLog, Reader } from '../../platform/event-log/event-log.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Incident } from '../../schemas/types.ts';
import type { Logger } from '../../platform/log/log.ts';
import { NO_SUSPICION, type Suspicion } from './processor.ts';

const CLOSED_MAX = 10_000;

export interface IncidentWatch {
  start(): Promise<void>;
  /** What is known of an identity's incidents; exercises only concern identities of the same exercise. */
  suspicionOf(identityId: string | null, exerciseId: string | null): Suspicion;
  close(): Promise<void>;
}

interface Known {
  open: Set<string>;
  closedAt: number | null;
  closedAs: Suspicion['closedAs'];
}

/** Follows countersign.incidents: nothing is learned of identities with an open incident. */
export function createIncidentWatch(
  { eventLog, codec, log }: { eventLog: EventLog; codec: Codec<Incident>; log: Logger },
  onFailure: (error: unknown) => void,
): IncidentWatch {
  const known = new Map<string, Known>();
  let reader: Reader | undefined;
  const keyOf = (identityId: string, exerciseId: string | null): string =>
    `${exerciseId ?? ''}|${identityId}`;
  const take = (incident: Incident): void => {
    for (const identityId of incident.identities) {
      const key = keyOf(identityId, incident.exerciseId);
      const own = known.get(key) ?? { open: new Set<string>(), closedAt: null, closedAs: null };
      known.delete(key);
      known.set(key, own);
      if (incident.state === 'closed') {
        own.open.delete(incident.incidentId);
        own.closedAt = incident.updatedAt;
        own.closedAs = incident.closedAs;
      } else own.open.add(incident.incidentId);
    }
    if (known.size <= CLOSED_MAX) return;
    // Open ones are bounded by what people leave open; of the closed, the oldest may go.
    for (const [key, { open }] of known) {
      if (known.size <= CLOSED_MAX) break;
      if (open.size === 0) known.delete(key);
    }
  };
  return {
    async start() {
      reader = await eventLog.read({
        topic: TOPICS.incidents.name,
        onRecords(records) {
          for (const { value, offset, partition } of records) {
            if (value === null) continue;
            const decoded = codec.decode(value);
            if (decoded.ok) take(decoded.value);
            else log.warn({ partition, offset, reason: decoded.reason }, 'an incident cannot be read');
          }
        },
        onFailure,
      });
      await reader.caughtUp();
    },
    suspicionOf(identityId, exerciseId) {
      const own = identityId === null ? undefined : known.get(keyOf(identityId, exerciseId));
      if (own === undefined) return NO_SUSPICION;
      return { open: own.open.size > 0, closedAt: own.closedAt, closedAs: own.closedAs };
    },
    close: async () => reader?.close(),
  };
}
