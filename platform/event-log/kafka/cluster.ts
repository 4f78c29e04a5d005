import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import { bootstrapId, createChannels, type Channels } from './channels.ts';
import { asEventLogError, isPassing } from './failures.ts';
import type { Address, Channel, Transport } from './wire/channel.ts';
import { CODE, KafkaAnswerError, KafkaConnectionError, isNotAllowed } from './wire/error-codes.ts';
import { fetchMetadata, findCoordinator, type PartitionMetadata } from './wire/metadata.ts';

/** What is known of the brokers and who leads what, and the way to them. */
export interface Cluster {
  readonly transport: Transport;
  /** Partitions of a topic, by number. Errors: EVENT_LOG_UNKNOWN_TOPIC, and what `call` throws. */
  partitions(topic: string): Promise<readonly PartitionMetadata[]>;
  /** The leader as last heard; -1 where none is known. Never waits. */
  leaderOf(topic: string, partition: number): number;
  /** Whether the topic was there when last asked. */
  isKnown(topic: string): boolean;
  /** Asks again who leads these topics. One question at a time; those who ask meanwhile share the next one. */
  refresh(topics?: readonly string[]): Promise<void>;
  /** The connection for a purpose to a broker. */
  channelTo(channels: Channels, broker: number): Promise<Channel>;
  /** The connection to the broker that keeps a group or a writer's identity. */
  coordinator(channels: Channels, kind: 'group' | 'transaction', name: string): Promise<Channel>;
  /** A broker has not answered: others are asked first for a while. */
  distrust(broker: number, error: unknown): void;
  /** It has not answered just now: there is no use in sending it more until it is known whether it still leads. */
  isSilent(broker: number): boolean;
  /** For a question that any broker can answer. */
  anyChannel(): Promise<Channel>;
  /**
   * Does `work` until it succeeds, or fails for good, or `timeoutMs` is over. Errors of the wire come out as errors of the catalogue.
   */
  call<T>(work: () => Promise<T>, timeoutMs?: number): Promise<T>;
  /** Aborts what waits in `call`. */
  close(): void;
}

const RETRY_MS_FIRST = 5;
const RETRY_MS_MAX = 500;
const DISTRUST_MS = 10_000;
const SILENT_MS = 2000;

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

export function createCluster(
  deps: {
    readonly clock: Clock;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly transport: Transport;
  },
  config: KafkaConfig,
): Cluster {
  const { clock, log, transport } = deps;
  const bootstrap = config.brokers.map((text, index) => [bootstrapId(index), parseAddress(text)] as const);
  const username = config.login?.username ?? '';
  const control = createChannels(transport);
  const topics = new Map<string, readonly PartitionMetadata[]>();
  const closing = new AbortController();
  let brokers: ReadonlyMap<number, Address> = new Map();
  let asking: Promise<void> | undefined;
  /** Until when each is asked last; at most one entry per broker: max is the size of the cluster. */
  const distrusted = new Map<number, number>();
  const silent = new Map<number, number>();
  let turn = 0;
  let awaySinceUs: number | undefined;
  const reachable = deps.metrics.gauge(
    'countersign_kafka_reachable',
    '1 while a broker answers, 0 while none does.',
  );

  /** Said once when the brokers go and once when they are back. */
  const noteHealth = (error?: unknown): void => {
    reachable.set(error === undefined ? 1 : 0);
    if (error !== undefined && awaySinceUs === undefined) {
      awaySinceUs = clock.monotonicUs();
      log.warn({ error }, 'kafka is away; what is to be written waits');
    } else if (error === undefined && awaySinceUs !== undefined) {
      const awayMs = Math.round((clock.monotonicUs() - awaySinceUs) / 1000);
      awaySinceUs = undefined;
      log.info({ awayMs }, 'kafka is back');
    }
  };

  const anyChannel = (): Promise<Channel> => {
    const now = clock.monotonicUs();
    const trusted = [...brokers].filter(([id]) => (distrusted.get(id) ?? 0) <= now);
    turn += 1;
    const turned = [...bootstrap.slice(turn % bootstrap.length), ...bootstrap];
    return control.any(
      trusted.length > 0 && trusted.length < brokers.size ? trusted : [...brokers, ...turned],
    );
  };
  const ask = async (names: readonly string[]): Promise<void> => {
    const channel = await anyChannel();
    const answer = await fetchMetadata(channel, names);
    brokers = answer.brokers;
    for (const topic of answer.topics) {
      if (topic.code === CODE.NONE) topics.set(topic.name, topic.partitions);
      else if (topic.code === CODE.UNKNOWN_TOPIC_OR_PARTITION || topic.code === CODE.INVALID_TOPIC)
        topics.delete(topic.name);
      else if (isNotAllowed(topic.code)) throw new KafkaAnswerError(topic.code, `topic ${topic.name}`);
    }
  };
  const refresh = async (names: readonly string[] = []): Promise<void> => {
    const unknown = names.filter((name) => !topics.has(name));
    if (asking !== undefined && unknown.length === 0) return asking;
    while (asking !== undefined) await asking.catch(() => undefined);
    asking = ask([...topics.keys(), ...unknown]);
    try {
      await asking;
      noteHealth();
    } catch (error) {
      if (!closing.signal.aborted && error instanceof KafkaConnectionError) noteHealth(error);
      throw error;
    } finally {
      asking = undefined;
    }
  };
  const call = async <T>(work: () => Promise<T>, timeoutMs = config.requestTimeoutMs * 2): Promise<T> => {
    const until = clock.monotonicUs() + timeoutMs * 1000;
    for (let waitMs = RETRY_MS_FIRST; ; waitMs = Math.min(RETRY_MS_MAX, waitMs * 2)) {
      try {
        return await work();
      } catch (error) {
        if (closing.signal.aborted) throw eventLogError('EVENT_LOG_CLOSED');
        if (!isPassing(error) || clock.monotonicUs() + waitMs * 1000 > until)
          throw asEventLogError(error, username);
        await clock.sleep(waitMs, closing.signal).catch(() => {
          throw eventLogError('EVENT_LOG_CLOSED');
        });
      }
    }
  };
  const channelTo = async (channels: Channels, broker: number): Promise<Channel> => {
    const address = brokers.get(broker);
    if (address === undefined) throw new KafkaConnectionError('unreachable', `broker ${broker} is gone`);
    return channels.to(broker, address);
  };
  return {
    transport,
    async partitions(topic) {
      const known = topics.get(topic);
      if (known !== undefined) return known;
      await call(() => refresh([topic]));
      const found = topics.get(topic);
      if (found === undefined)
        throw eventLogError('EVENT_LOG_UNKNOWN_TOPIC', { topic: topic.slice(config.prefix.length) });
      return found;
    },
    leaderOf: (topic, partition) => topics.get(topic)?.[partition]?.leader ?? -1,
    distrust(broker, error) {
      distrusted.set(broker, clock.monotonicUs() + DISTRUST_MS * 1000);
      if (error instanceof KafkaConnectionError && error.kind === 'silent')
        silent.set(broker, clock.monotonicUs() + SILENT_MS * 1000);
    },
    isSilent: (broker) => (silent.get(broker) ?? 0) > clock.monotonicUs(),
    isKnown: (topic) => topics.has(topic),
    refresh,
    channelTo,
    async coordinator(channels, kind, name) {
      const { id, host, port } = await findCoordinator(await anyChannel(), kind, name);
      return channels.to(id, { host, port });
    },
    anyChannel,
    call,
    close() {
      closing.abort();
      control.close();
    },
  };
}
