import Value from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import type { EventLog } from '../../../platform/event-log/event-log.ts';
import { createKafkaEventLog } from '../../../platform/event-log/kafka/kafka-event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import { KafkaConfig } from '../../../schemas/config/kafka.ts';

/** The event log on plain brokers, as the roles open it. */
export const openKafka = (brokers: readonly string[], prefix = ''): Promise<EventLog> =>
  createKafkaEventLog(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      log: silentLogger,
      metrics: createPromMetrics(),
      readSecret: () => Promise.reject(new Error('there is none')),
    },
    {
      ...(Value.Default(KafkaConfig, {}) as KafkaConfig),
      brokers: [...brokers],
      prefix,
      replicas: 1,
      inSyncReplicasMin: 1,
    },
  );
