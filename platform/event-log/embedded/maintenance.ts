import type { EventLogConfig } from '../../../schemas/config/event-log.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Disk } from '../../disk/disk.ts';
import type { Logger } from '../../log/log.ts';
import { compactPartition, needsCompaction } from './compaction.ts';
import { enforceRetention } from './retention.ts';
import type { TopicRegistry } from './topic-registry.ts';

export interface Maintenance {
  /** Retention and compaction of all topics, one partition after the other; joins a run under way. */
  run(): Promise<void>;
  close(): Promise<void>;
}

export function createMaintenance(deps: {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly salt: number;
  readonly config: EventLogConfig;
  readonly topics: TopicRegistry;
}): Maintenance {
  const { clock, log, config } = deps;
  let stopping = false;
  let running: Promise<void> | undefined;
  const compaction = { disk: deps.disk, config, salt: deps.salt, stopped: () => stopping };

  const all = async (): Promise<void> => {
    for (const topic of deps.topics.all()) {
      for (const partition of topic.partitions) {
        if (stopping) return;
        const where = { topic: partition.topic, partition: partition.partition };
        try {
          if (topic.options.cleanup === 'delete') {
            const removed = await enforceRetention(partition, topic.options, clock.now());
            if (removed > 0) log.debug({ ...where, removed }, 'old segments removed');
          } else if (needsCompaction(partition, config, clock.now())) {
            const savedBytes = await compactPartition(partition, compaction, clock.now());
            log.debug({ ...where, savedBytes }, 'partition compacted');
          }
        } catch (error) {
          // The next run tries again; appending and reading do not depend on it.
          if (!stopping) log.error({ ...where, error }, 'maintenance of a partition failed');
        }
      }
    }
  };
  const run = (): Promise<void> => {
    running ??= all().finally(() => {
      running = undefined;
    });
    return running;
  };
  const timer = clock.every(config.maintenancePeriodMs, () => {
    run().catch((error: unknown) => log.error({ error }, 'maintenance failed'));
  });
  return {
    run,
    async close() {
      stopping = true;
      timer.cancel();
      await running;
    },
  };
}
