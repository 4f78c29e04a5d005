/** The event log as one process has it: over a link that takes time, loses appends and their answers, and dies with the process. */
import type { ManualClock } from '../../platform/clock/manual-clock.ts';
import type {
  BatchControl,
  Consumer,
  EventLog,
  LogWriter,
  NewRecord,
  Position,
  Reader,
} from '../../platform/event-log/event-log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Chance } from './chance.ts';
import type { Faults } from './faults.ts';
import type { Life } from './life.ts';

export interface LinkDeps {
  readonly clock: ManualClock;
  readonly chance: Chance;
  readonly faults: Faults;
  readonly life: Life;
}

const dead = (): Error => new Error('the process is dead');

export function createLogLink({ clock, chance, faults, life }: LinkDeps, log: EventLog): EventLog {
  const way = (): Promise<void> => life.clock.sleep(chance.between(0, faults.delayMsMax));
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    await way();
    return life.guard(work());
  };
  const delivery = async (topic: string): Promise<void> => {
    await clock.sleep(chance.between(0, faults.delayMsMax));
    const stalled = (): boolean =>
      faults.controlStalledUntilMs > clock.elapsedMs() &&
      (faults.controlStalledFor ?? life.name) === life.name;
    while (topic === TOPICS.control.name && stalled() && life.alive())
      await clock.sleep(Math.min(100, faults.controlStalledUntilMs - clock.elapsedMs()) + 1);
    if (!life.alive()) throw dead();
  };
  /** Ends when the work ends or the process does: the log must not wait for the dead. */
  const orDeath = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (!life.alive()) {
        reject(dead());
        return;
      }
      life.onEnd(() => reject(dead()));
      work().then(resolve, reject);
    });
  const leaving = (end: () => Promise<void>): void => {
    life.onEnd(() => {
      end().catch(() => undefined);
    });
  };
  const linkWriter = (inner: LogWriter): LogWriter => {
    // One connection: what is sent first arrives first.
    let order: Promise<void> = Promise.resolve();
    const send = async (topic: string, records: readonly NewRecord[]): Promise<Position[]> => {
      const lost = chance.happens(faults.appendFails);
      const replyLost = chance.happens(faults.appendReplyLost);
      const turn = order;
      let arrived = (): void => undefined;
      order = new Promise((resolve) => {
        arrived = resolve;
      });
      await way();
      await turn;
      if (!life.alive()) throw dead();
      const appended = lost ? Promise.reject(new Error('the log is away')) : inner.append(topic, records);
      arrived();
      const positions = await life.guard(appended);
      await way();
      if (replyLost) throw new Error('the answer of the log is lost');
      return positions;
    };
    return { append: send, close: () => life.guard(inner.close()) };
  };
  return {
    ensureTopics: (topics) => call(() => log.ensureTopics(topics)),
    writer: async (name) => linkWriter(await call(() => log.writer(name))),
    async consume(options) {
      const control = (inner: BatchControl): BatchControl => ({
        async commit(position) {
          await way();
          await life.guard(inner.commit(position));
        },
      });
      const { onAssigned, onRevoked } = options;
      const joined = log.consume({
        ...options,
        onBatch: (records, inner) =>
          orDeath(async () => {
            await delivery(records[0]!.topic);
            await options.onBatch(records, control(inner));
          }),
        ...(onAssigned === undefined
          ? {}
          : { onAssigned: (partitions, inner) => orDeath(() => onAssigned(partitions, inner)) }),
        ...(onRevoked === undefined
          ? {}
          : {
              onRevoked: async (partitions) => {
                if (life.alive())
                  await orDeath(() => onRevoked(partitions)).catch((error: unknown) => {
                    if (life.alive()) throw error;
                  });
              },
            }),
        onFailure: (error) => life.alive() && options.onFailure(error),
      });
      const consumer: Consumer = await joined;
      leaving(() => consumer.close());
      if (!life.alive()) {
        consumer.close().catch(() => undefined);
        throw dead();
      }
      return {
        pause: () => consumer.pause(),
        resume: () => consumer.resume(),
        lag: () => life.guard(consumer.lag()),
        close: () => life.guard(consumer.close()),
      };
    },
    async read(options) {
      const reader: Reader = await call(() =>
        log.read({
          ...options,
          onRecords: (records) =>
            orDeath(async () => {
              await delivery(options.topic);
              await options.onRecords(records);
            }),
          onFailure: (error) => life.alive() && options.onFailure(error),
        }),
      );
      leaving(() => reader.close());
      return { caughtUp: () => life.guard(reader.caughtUp()), close: () => life.guard(reader.close()) };
    },
    endOffsets: (topic) => call(() => log.endOffsets(topic)),
    partitions: (topic) => call(() => log.partitions(topic)),
    partitionOf: (topic, key) => life.guard(log.partitionOf(topic, key)),
    close: () => Promise.resolve(),
  };
}
