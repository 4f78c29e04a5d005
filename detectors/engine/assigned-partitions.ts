/**
 * The engines of the partitions that this process has of one stream. Groups rebalance eagerly: whenever a member comes or goes, all give
 * up everything and most get back what they had. An engine that was given up is kept until then, and goes on where nobody else had
 * the partition in between; only what is really new is restored.
 */
import type {
  Assignment,
  AssignmentControl,
  BatchControl,
  LogRecord,
} from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { PartitionEngine } from './partition-engine.ts';
import { isLost } from './state-writer.ts';

export interface AssignedPartitions {
  onAssigned(partitions: Assignment, control: AssignmentControl): Promise<void>;
  onRevoked(partitions: Assignment): Promise<void>;
  take(records: readonly LogRecord[], control: BatchControl): Promise<void>;
  tick(): Promise<void>;
  commit(): Promise<void>;
  /** Partitions whose state is being restored. */
  restoring(): number;
  close(): Promise<void>;
}

export function createAssignedPartitions(
  { log, restored }: { readonly log: Logger; readonly restored: (ms: number) => void },
  monotonicUs: () => number,
  topic: string,
  open: (partition: number) => Promise<PartitionEngine>,
): AssignedPartitions {
  const engines = new Map<number, PartitionEngine>();
  const parked = new Map<number, PartitionEngine>();
  let underWay = 0;

  const drop = async (partition: number, error: unknown): Promise<void> => {
    const engine = engines.get(partition);
    engines.delete(partition);
    log.warn(
      { topic, partition, error },
      'a partition was lost to another process; it goes on from the last commit',
    );
    await engine?.close();
  };
  /** Losing a partition is no failure of the role. */
  const unlessLost = async (partition: number, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!isLost(error)) throw error;
      await drop(partition, error);
    }
  };
  const revived = async (partition: number): Promise<PartitionEngine | undefined> => {
    const engine = parked.get(partition);
    parked.delete(partition);
    if (engine === undefined || (await engine.revive())) return engine;
    await engine.close();
    return undefined;
  };
  const begin = async (partition: number, control: AssignmentControl): Promise<void> => {
    const startUs = monotonicUs();
    const engine = (await revived(partition)) ?? (await open(partition));
    engines.set(partition, engine);
    if (engine.resumeAt !== undefined) control.seek(topic, partition, engine.resumeAt);
    restored((monotonicUs() - startUs) / 1000);
  };
  return {
    async onAssigned(partitions, control) {
      underWay += partitions.length;
      try {
        await Promise.all(partitions.map(({ partition }) => begin(partition, control)));
      } finally {
        underWay -= partitions.length;
      }
      // What did not come back now is another's.
      const others = [...parked.values()];
      parked.clear();
      await Promise.all(others.map((engine) => engine.close()));
    },
    async onRevoked(partitions) {
      await Promise.all(
        partitions.map(({ partition }) =>
          unlessLost(partition, async () => {
            const engine = engines.get(partition);
            if (engine === undefined) return;
            await engine.park();
            engines.delete(partition);
            parked.set(partition, engine);
          }),
        ),
      );
    },
    async take(records, control) {
      const { partition } = records[0]!;
      // Absent: lost a moment ago, and its new owner takes the records.
      await unlessLost(partition, async () => engines.get(partition)?.take(records, control));
    },
    async tick() {
      for (const [partition, engine] of engines) await unlessLost(partition, () => engine.tick());
    },
    async commit() {
      for (const [partition, engine] of engines) await unlessLost(partition, () => engine.commit());
    },
    restoring: () => underWay,
    async close() {
      const all = [...engines.values(), ...parked.values()];
      engines.clear();
      parked.clear();
      await Promise.all(all.map((engine) => engine.close()));
    },
  };
}
