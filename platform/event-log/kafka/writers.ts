import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { LogWriter } from '../event-log.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import type { ProducerLane } from './producer-lane.ts';
import { createProducer } from './producer.ts';
import { isFenced, isForgotten, type KafkaAnswerError } from './wire/error-codes.ts';
import { openIdentity } from './writer-identity.ts';
import { createWriter, type KafkaWriter, type QueueBound } from './writer.ts';

/** All writers of one log, on one producer. */
export interface Writers {
  open(name: string): Promise<LogWriter>;
  close(): Promise<void>;
}

export interface WritersDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Throws once the log is closed. */
  checkOpen(): void;
}

export function createWriters(deps: WritersDeps, config: KafkaConfig): Writers {
  const { cluster, clock, log, metrics, checkOpen } = deps;
  const channels = createChannels(cluster.transport);
  const queue: QueueBound = { bytes: 0 };
  const writers = new Set<KafkaWriter>();
  const appendedRecords = metrics.counter(
    'countersign_event_log_appended_records_total',
    'Records appended to the event log.',
    ['topic'],
  );
  const resends = metrics.counter(
    'countersign_kafka_resends_total',
    'Batches sent to Kafka again: after an error, or since the answer did not speak of their partition.',
    ['reason'],
  );
  const fenced = (writer: string): Error => eventLogError('EVENT_LOG_FENCED', { writer });
  const onRefused = (lane: ProducerLane, error: KafkaAnswerError): void => {
    const writer = [...writers].find(({ lanes }) => lanes.has(lane));
    // A lane that its writer has given up already.
    if (writer === undefined) lane.refuseAll(error);
    else if (isFenced(error.code)) writer.refuseAll(fenced(writer.name));
    else {
      const what = `records for topic ${lane.topic}`;
      const refused = eventLogError('EVENT_LOG_REFUSED', { what, reason: error.message });
      if (isForgotten(error.code)) {
        log.warn({ error, writer: writer.name }, 'kafka has forgotten a writer; it takes a new identity');
        writer.restart(refused);
      } else lane.refuse(refused);
    }
  };
  const producer = createProducer({ cluster, clock, log, resends, onRefused }, config);
  return {
    async open(name) {
      let writer: KafkaWriter | undefined;
      const onFenced = (): void => writer?.refuseAll(fenced(name));
      writer = await createWriter(
        {
          name,
          cluster,
          producer,
          clock,
          queue,
          appendedRecords,
          checkOpen,
          openIdentity: () =>
            openIdentity(
              { cluster, channels, clock, log, timeoutMs: config.appendTimeoutMs },
              config.prefix + name,
              name,
              onFenced,
            ),
          onClosed: (closed) => writers.delete(closed),
        },
        config,
      );
      writers.add(writer);
      return writer;
    },
    async close() {
      for (const writer of writers) {
        writer.refuseAll(eventLogError('EVENT_LOG_CLOSED'));
        await writer.close();
      }
      producer.close();
      channels.close();
    },
  };
}
