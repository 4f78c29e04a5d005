/** Follows the topics that the responders' memory is made of. All of it is read before the first detection is handled. */
import type { Codec } from '../../schemas/codec.ts';
import { CONFIRMED_BY_HEADER } from '../../schemas/api/responses.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Incident, IncidentClosure, ResponseStep } from '../../schemas/types.ts';
import type { LogRecord, Reader } from '../../platform/event-log/event-log.ts';
import type { RespondersDependencies } from '../dependencies.ts';
import { createRecentMap } from '../incidents/recent-map.ts';
import type { IncidentBook } from '../incidents/incident-book.ts';
import { WRITER_HEADER, type ResponseLedger } from './response-ledger.ts';

export interface Follower {
  /** Everything that was in the log at the call is known. */
  caughtUp(): Promise<void>;
  /** Closures that were seen, for partitions that are assigned later. */
  closures(): IncidentClosure[];
  close(): Promise<void>;
}

export interface FollowHooks {
  onConfirmed(step: ResponseStep): void;
  onClosure(closure: IncidentClosure): Promise<void>;
  onFailure(error: unknown): void;
}

const CLOSURES_MAX = 50_000;

export async function followTopics(
  deps: Pick<RespondersDependencies, 'eventLog' | 'codecs' | 'deadLetters'>,
  memory: { readonly book: IncidentBook; readonly ledger: ResponseLedger },
  writerId: string,
  hooks: FollowHooks,
): Promise<Follower> {
  const { eventLog, codecs, deadLetters } = deps;
  const { book, ledger } = memory;
  const closures = createRecentMap<IncidentClosure>(CLOSURES_MAX);

  const follow = <T>(
    topic: string,
    codec: Codec<T>,
    onValue: (value: T, record: LogRecord) => void | Promise<void>,
  ): Promise<Reader> =>
    eventLog.read({
      topic,
      async onRecords(records) {
        for (const record of records) {
          if (record.value === null) continue;
          const decoded = codec.decode(record.value);
          if (decoded.ok) await onValue(decoded.value, record);
          else await deadLetters.give(record, 'responders', 'RESPONDERS_RECORD_UNREADABLE', decoded.reason);
        }
      },
      onFailure: hooks.onFailure,
    });

  const readers: Reader[] = await Promise.all([
    follow<Incident>(TOPICS.incidents.name, codecs.incident, (incident) => book.restore(incident)),
    follow(TOPICS.responses.name, codecs.response, (step, { headers }) => {
      // Its own records are in the ledger already, and later than this echo.
      if (headers[WRITER_HEADER] === writerId) return;
      if (step.state === 'intended' && headers[CONFIRMED_BY_HEADER] !== undefined) {
        ledger.confirm(step);
        hooks.onConfirmed(step);
      } else ledger.put(step);
    }),
    follow(TOPICS.control.name, codecs.controlRecord, async ({ body }) => {
      if (body.kind === 'lockout') book.noteLockout(body);
      if (body.kind !== 'incident_closure') return;
      closures.set(body.incidentId, body);
      await hooks.onClosure(body);
    }),
  ]);
  return {
    async caughtUp() {
      await Promise.all(readers.map((reader) => reader.caughtUp()));
    },
    closures: () => [...closures.values()],
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
}
