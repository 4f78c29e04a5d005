/** An event log on real brokers for tests. Each harness has a prefix of its own, so that it begins empty. */
import { Value } from 'typebox/value';
import { KafkaConfig } from '../../../../schemas/config/kafka.ts';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import type { Logger } from '../../../log/log.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import type { Metrics } from '../../../metrics/metrics.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { EventLog } from '../../event-log.ts';
import type { EventLogHarness } from '../../test/conformance.ts';
import { createKafkaEventLog } from '../kafka-event-log.ts';

const clock = createSystemClock();
const random = createSystemRandom();

export const kafkaConfig = (given: Partial<KafkaConfig>): KafkaConfig => ({
  ...(Value.Default(KafkaConfig, {}) as KafkaConfig),
  replicas: 1,
  inSyncReplicasMin: 1,
  ...given,
});

export interface KafkaHarness extends EventLogHarness {
  readonly config: KafkaConfig;
  readonly metrics: Metrics;
  /** Another process on the same data, as it were; closed at the end. */
  another(given?: Partial<KafkaConfig>): Promise<EventLog>;
}

export async function openKafka(
  given: Partial<KafkaConfig> & { readonly brokers: string[] },
  options: { readonly log?: Logger; readonly password?: string } = {},
): Promise<KafkaHarness> {
  const prefix = `t${random.bytes(6).toString('hex')}.`;
  const config = kafkaConfig({ prefix, recordBytesMax: 256 * 1024, ...given });
  const metrics = createPromMetrics();
  const opened: EventLog[] = [];
  const another = async (more: Partial<KafkaConfig> = {}): Promise<EventLog> => {
    const deps = {
      clock,
      random,
      log: options.log ?? silentLogger,
      metrics,
      readSecret: () => options.password ?? '',
    };
    const log = await createKafkaEventLog(deps, { ...config, ...more });
    opened.push(log);
    return log;
  };
  const harness: KafkaHarness = {
    log: await another(),
    config,
    metrics,
    recordBytesMax: config.recordBytesMax,
    another,
    async reopen() {
      await harness.log.close();
      harness.log = await another();
      return harness.log;
    },
    async end() {
      await Promise.all(opened.map((log) => log.close()));
    },
  };
  return harness;
}
