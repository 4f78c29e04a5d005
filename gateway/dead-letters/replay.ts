/**
 * Puts the record behind a dead letter into its topic once more, exactly once: the control store knows what is intended and what is
 * done, and where somebody died between the two, the topic itself tells by a header.
 */
import { REPLAY_HEADER, type DeadLetterSummary } from '../../schemas/api/dead-letters.ts';
import type { DeadLetter } from '../../schemas/types.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { readThrough } from '../../platform/dead-letters/read-through.ts';
import type {
  EventLog,
  LogRecord,
  LogWriter,
  NewRecord,
  Position,
} from '../../platform/event-log/event-log.ts';
import { deadLetterError } from './errors.ts';
import { replayable } from './replayable.ts';

const COLLECTION = 'dead-letter-replays';
/** After this time an intention is taken over: its owner is not there any more. */
const UNDER_WAY_MS_MAX = 60_000;
const KEPT_MS = 100 * 86_400_000;
const SWEPT_MAX = 1000;

export type Replayed = NonNullable<DeadLetterSummary['replayed']>;
interface Entry {
  readonly [field: string]: string | number;
  readonly state: 'intended' | 'done';
  readonly at: number;
  readonly by: string;
  readonly partition: number;
  /** Intended: where the topic ended before; done: where the record stands. */
  readonly offset: number;
}

export interface Replayer {
  /** Undefined: not replayed (yet). */
  replayed(id: string): Promise<Replayed | undefined>;
  /** Rejects with an error of this file, or of the log: then another call may try again. */
  replay(
    id: string,
    letter: DeadLetter,
    by: string,
    writer: LogWriter,
  ): Promise<{ readonly before: boolean; readonly replayed: Replayed }>;
}

export interface ReplayerDeps {
  readonly store: ControlStore;
  readonly eventLog: EventLog;
  readonly clock: Clock;
}

const shown = ({ at, by, partition, offset }: Entry): Replayed => ({ at, by, partition, offset });

export function createReplayer({ store, eventLog, clock }: ReplayerDeps): Replayer {
  /** The record in its topic, where it is still there: with its headers, and true whoever wrote the dead letter. */
  const original = async (id: string, letter: DeadLetter): Promise<NewRecord> => {
    const { sourceTopic: topic, sourcePartition: partition, sourceOffset: offset } = letter;
    const refused = (reason: string) => deadLetterError('DEAD_LETTER_NOT_REPLAYABLE', { id, reason });
    const rule = replayable(topic);
    if (typeof rule === 'object') throw refused(rule.no);
    if (partition >= (await eventLog.partitions(topic)))
      throw refused(`${topic} has no partition ${partition}`);
    const key = letter.key === null ? null : letter.key.toString('utf8');
    let source: LogRecord | undefined;
    let later = false;
    await readThrough(eventLog, { topic, partition, fromOffset: offset }, (record) => {
      if (record.offset === offset) source = record;
      else if (record.offset > offset && record.key === key) later = true;
      return rule === 'yes' || later;
    });
    if (rule === 'unless-newer' && later && key !== null) throw refused('a later record has its key');
    if (source !== undefined && !letter.value.equals(source.value ?? Buffer.alloc(0)))
      throw refused('its copy is not what stands in the topic');
    const record = source ?? { key, value: letter.value, headers: {} };
    return {
      key: record.key,
      value: record.value,
      headers: { ...record.headers, [REPLAY_HEADER]: id },
      // Without a key it would land anywhere.
      ...(record.key === null ? { partition } : {}),
    };
  };

  /** What a caller who is gone has written already. */
  const leftBehind = async (id: string, topic: string, entry: Entry): Promise<Position | undefined> => {
    let found: Position | undefined;
    const from = { topic, partition: entry.partition, fromOffset: entry.offset };
    await readThrough(eventLog, from, ({ headers, partition, offset }) => {
      if (headers[REPLAY_HEADER] !== id) return false;
      found = { topic, partition, offset };
      return true;
    });
    return found;
  };

  /** Forgets what the index has forgotten. */
  const sweep = async (): Promise<void> => {
    const old = (await store.list<Entry>(COLLECTION, { limit: SWEPT_MAX })).filter(
      ({ value }) => value.at < clock.now() - KEPT_MS,
    );
    if (old.length > 0)
      await store.transact(async (transaction) => {
        for (const { id } of old) await transaction.delete(COLLECTION, id);
      });
  };

  return {
    async replayed(id) {
      const entry = await store.get<Entry>(COLLECTION, id);
      return entry?.value.state === 'done' ? shown(entry.value) : undefined;
    },
    async replay(id, letter, by, writer) {
      const { sourceTopic: topic } = letter;
      const record = await original(id, letter);
      const partition = record.partition ?? (await eventLog.partitionOf(topic, record.key!));
      const end = (await eventLog.endOffsets(topic))[partition]!;
      const { entry, before, mine } = await store.transact(async (transaction) => {
        const known = (await transaction.get<Entry>(COLLECTION, id))?.value;
        if (known?.state === 'done' || (known !== undefined && clock.now() - known.at < UNDER_WAY_MS_MAX))
          return { entry: known, before: known, mine: false };
        // Who takes over looks from where the first one began.
        const from = known === undefined ? { partition, offset: end } : known;
        const intended: Entry = {
          state: 'intended',
          at: clock.now(),
          by,
          partition: from.partition,
          offset: from.offset,
        };
        await transaction.put(COLLECTION, id, intended);
        return { entry: intended, before: known, mine: true };
      });
      if (!mine) {
        if (entry.state === 'done') return { before: true, replayed: shown(entry) };
        throw deadLetterError('DEAD_LETTER_UNDER_WAY', { id, by: entry.by });
      }
      const put = (value: Entry): Promise<void> =>
        store.transact((transaction) => transaction.put(COLLECTION, id, value));
      try {
        const there = before === undefined ? undefined : await leftBehind(id, topic, before);
        const position = there ?? (await writer.append(topic, [record]))[0]!;
        const done: Entry = {
          state: 'done',
          at: clock.now(),
          by,
          partition: position.partition,
          offset: position.offset,
        };
        await put(done);
        await sweep();
        return { before: there !== undefined, replayed: shown(done) };
      } catch (error) {
        // Nobody has to wait for one who has given up; what he may have written is looked for all the same.
        await put({ ...entry, at: 0 }).catch(() => undefined);
        throw error;
      }
    },
  };
}
