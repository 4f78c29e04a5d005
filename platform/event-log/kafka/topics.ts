import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import { eventLogError } from '../errors.ts';
import type { TopicOptions } from '../event-log.ts';
import type { Cluster } from './cluster.ts';
import { CODE, isNotAllowed, isRetriable, KafkaAnswerError } from './wire/error-codes.ts';
import { createTopics, describeTopics, type NewTopic } from './wire/topic-administration.ts';

const NAME = /^[A-Za-z0-9._-]{1,200}$/;
const PARTITIONS_MAX = 1024;
/** What a batch adds to one record of the greatest size. */
const BATCH_OVERHEAD_BYTES = 4096;
const CREATE_TIMEOUT_MS = 30_000;
/** Kafka's own defaults, which a topic has where nothing was set. */
const CHECKED = [
  'cleanup.policy',
  'min.insync.replicas',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
];

function checkOptions({ name, partitions }: TopicOptions, config: KafkaConfig): void {
  if (!NAME.test(name) || name === '.' || name === '..')
    throw eventLogError('EVENT_LOG_TOPIC_INVALID', { topic: name, reason: 'the name is not allowed' });
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
    throw eventLogError('EVENT_LOG_TOPIC_INVALID', { topic: name, reason: `${partitions} partitions` });
  const { replicas, inSyncReplicasMin } = config;
  if (inSyncReplicasMin > replicas)
    throw eventLogError('EVENT_LOG_TOPIC_INVALID', {
      topic: name,
      reason: `inSyncReplicasMin ${inSyncReplicasMin} is more than replicas ${replicas}`,
    });
}

/** Settings of a topic; times are the brokers', since clocks of writers may be wrong. */
function settingsOf(topic: TopicOptions, config: KafkaConfig): Record<string, string> {
  return {
    'cleanup.policy': topic.cleanup,
    'min.insync.replicas': String(config.inSyncReplicasMin),
    'max.message.bytes': String(Math.max(config.recordBytesMax, config.batchBytesMax) + BATCH_OVERHEAD_BYTES),
    'message.timestamp.type': 'LogAppendTime',
    ...(topic.cleanup === 'delete' && {
      'retention.ms': String(topic.retentionMs ?? -1),
      'retention.bytes': String(topic.retentionBytes ?? -1),
    }),
    // The newest segment is never compacted or removed: it must not stay the newest for a week.
    ...(topic.retentionMs !== undefined && {
      'segment.ms': String(
        Math.max(SEGMENT_MS_MIN, Math.min(SEGMENT_MS_MAX, Math.floor(topic.retentionMs / 4))),
      ),
    }),
  };
}
const SEGMENT_MS_MIN = 60_000;
const SEGMENT_MS_MAX = 7 * 24 * 3_600_000;

/** Creates what is absent and compares what is there. Errors: EVENT_LOG_TOPIC_INVALID, _TOPIC_MISMATCH, and what `Cluster.call` throws. */
export async function ensureTopics(
  cluster: Cluster,
  config: KafkaConfig,
  topics: readonly TopicOptions[],
): Promise<void> {
  for (const topic of topics) checkOptions(topic, config);
  const wanted = topics.map((topic): NewTopic => ({
    name: config.prefix + topic.name,
    partitions: topic.partitions,
    replicas: config.replicas,
    settings: settingsOf(topic, config),
  }));
  if (wanted.length === 0) return;
  const names = wanted.map(({ name }) => name);
  await cluster.call(() => cluster.refresh(names));
  const absent = wanted.filter(({ name }) => !cluster.isKnown(name));
  if (absent.length > 0) await create(cluster, config, absent);
  await cluster.call(() => compare(cluster, config, wanted));
}

async function create(cluster: Cluster, config: KafkaConfig, absent: readonly NewTopic[]): Promise<void> {
  await cluster.call(async () => {
    const results = await createTopics(await cluster.anyChannel(), absent, CREATE_TIMEOUT_MS);
    for (const { name, code, reason } of results) {
      if (code === CODE.NONE || code === CODE.TOPIC_ALREADY_EXISTS) continue;
      if (isRetriable(code) || isNotAllowed(code)) throw new KafkaAnswerError(code, `topic ${name}`);
      throw eventLogError('EVENT_LOG_TOPIC_INVALID', {
        topic: name.slice(config.prefix.length),
        reason: reason === '' ? `Kafka says error ${code}` : reason.replace(/\.$/, ''),
      });
    }
  });
  // A topic is there when every partition of it has a leader.
  await cluster.call(async () => {
    await cluster.refresh(absent.map(({ name }) => name));
    for (const { name, partitions } of absent)
      for (let partition = 0; partition < partitions; partition += 1)
        if (cluster.leaderOf(name, partition) < 0)
          throw new KafkaAnswerError(CODE.LEADER_NOT_AVAILABLE, `topic ${name}`);
  });
}

async function compare(cluster: Cluster, config: KafkaConfig, wanted: readonly NewTopic[]): Promise<void> {
  const found = await describeTopics(
    await cluster.anyChannel(),
    wanted.map(({ name }) => name),
    CHECKED,
  );
  for (const topic of wanted) {
    const partitions = await cluster.partitions(topic.name);
    const settings = found.get(topic.name);
    const differences: [actual: string, wanted: string][] = [];
    const differ = (what: string, actual: number | string, needed: number | string): void => {
      differences.push([`${actual} ${what}`, `${needed} ${what}`]);
    };
    if (partitions.length < topic.partitions) differ('partitions', partitions.length, topic.partitions);
    const replicas = partitions[0]?.replicas.length ?? 0;
    if (replicas < topic.replicas) differ('replicas', replicas, topic.replicas);
    for (const name of CHECKED) {
      const actual = settings?.get(name);
      const needed = topic.settings[name];
      if (needed === undefined || actual === undefined || satisfies(name, actual, needed)) continue;
      differences.push([`${name}=${actual}`, `${name}=${needed}`]);
    }
    if (differences.length > 0)
      throw eventLogError('EVENT_LOG_TOPIC_MISMATCH', {
        topic: topic.name.slice(config.prefix.length),
        actual: differences.map(([actual]) => actual).join(', '),
        wanted: differences.map(([, needed]) => needed).join(', '),
      });
  }
}

/** Whether what a topic has is at least as good as what is asked for: what keeps or promises more is no mismatch. */
function satisfies(name: string, actual: string, needed: string): boolean {
  if (name === 'cleanup.policy') return actual === needed;
  if (name === 'min.insync.replicas' || name === 'max.message.bytes') return Number(actual) >= Number(needed);
  if (Number(actual) < 0) return true;
  return Number(needed) >= 0 && Number(actual) >= Number(needed);
}
