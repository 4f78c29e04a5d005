/**
 * Schemas of the topics in a registry with Confluent's REST API. Subjects follow TopicNameStrategy: TOPIC-value. All of them are
 * checked at the start, and the start is refused where one does not fit. Later only ids that nobody has seen yet are asked for: while
 * the registry is away, everything known goes on.
 */
import type { SchemaRegistryConfig } from '../../schemas/config/schema-registry.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import { TOPICS, type TopicDefinition } from '../../schemas/topics.ts';
import { ownSchema, type OwnSchema, type WriterSchema } from '../../schemas/writer-schema.ts';
import type { Clock } from '../clock/clock.ts';
import type { Logger } from '../log/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createBoundedMap } from './bounded-map.ts';
import { schemaRegistryError } from './errors.ts';
import { createHttpClient } from './http-client.ts';
import { createRegistryApi, type RegistryResult } from './registry-api.ts';
import { checkSubject, type CheckedSubject } from './subjects.ts';

export interface SchemaRegistryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

export interface SchemaRegistry {
  /** Id for a record of this topic that was written with the schema of this fingerprint; undefined for what is not ours. */
  idOf(topic: string, fingerprint: string): number | undefined;
  /** The schema behind an id as far as it is known: null where there is none that we can read, undefined where it must be looked up. */
  known(topic: string, id: number): WriterSchema | null | undefined;
  /** Resolves when the id is known, or given up (`known` then stays undefined). Rejects when the registry is closed meanwhile. */
  lookUp(topic: string, id: number): Promise<void>;
  /** Ends what is being looked up. */
  close(): void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2000;
/** An id that is not there now may be registered later. */
const ABSENT_MS = 60_000;

interface OwnTopic {
  readonly own: OwnSchema;
  readonly writers: ReadonlyMap<number, WriterSchema>;
  readonly ids: ReadonlyMap<string, number>;
}

/** Rejects with an error of this room where the start must be refused. `topicPrefix`: as eventLog.kafka.prefix. */
export async function createSchemaRegistry(
  deps: SchemaRegistryDeps,
  config: SchemaRegistryConfig,
  topicPrefix = '',
): Promise<SchemaRegistry> {
  const { clock, log } = deps;
  const url = config.urls.join(', ');
  const http = await createHttpClient(clock, deps.readSecret, config);
  const api = createRegistryApi(http, url);
  const closing = new AbortController();
  const lookups = deps.metrics.counter(
    'countersign_schema_registry_lookups_total',
    'Schema ids looked up while running, by outcome: found, absent, unreadable, given_up.',
    ['outcome'],
  );

  const startedUs = clock.monotonicUs();
  const patiently = async <T>(work: () => Promise<RegistryResult<T>>): Promise<T> => {
    for (let delayMs = RETRY_MS_MIN; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
      const result = await work();
      if (result.ok) return result.value;
      const waitedMs = Math.round((clock.monotonicUs() - startedUs) / 1000);
      if (waitedMs >= config.startWaitMsMax)
        throw schemaRegistryError('SCHEMA_REGISTRY_UNREACHABLE', { url, waitedMs, reason: result.reason });
      log.warn({ url, reason: result.reason, delayMs }, 'the schema registry does not answer; trying again');
      await clock.sleep(Math.min(delayMs, Math.max(1, config.startWaitMsMax - waitedMs)));
    }
  };
  const topics = new Map<string, OwnTopic>();
  try {
    // All are looked at before the first is changed.
    const checked: { topic: string; own: OwnSchema; subject: CheckedSubject }[] = [];
    for (const { name: topic, schema } of Object.values(TOPICS) as TopicDefinition[]) {
      const own = ownSchema(schema);
      const subject = await checkSubject(
        { api, log, patiently },
        `${topicPrefix}${topic}-value`,
        own,
        config,
      );
      checked.push({ topic, own, subject });
    }
    for (const { topic, own, subject } of checked) {
      const id = await subject.id();
      const ids = new Map([...subject.writers].map(([known, { fingerprint }]) => [fingerprint, known]));
      const writers = new Map(subject.writers).set(id, own.writer(own.json) as WriterSchema);
      topics.set(topic, { own, writers, ids: ids.set(own.fingerprint, id) });
    }
  } catch (error) {
    http.close();
    throw error;
  }
  log.info({ url, subjects: topics.size }, 'the schema registry has all our schemas');

  const found = createBoundedMap<string, { readonly writer: WriterSchema | null; readonly until: number }>(
    config.idsMax,
  );
  const underWay = new Map<string, Promise<void>>();
  let awaySinceUs: number | undefined;
  const isOver = (): boolean =>
    awaySinceUs !== undefined && clock.monotonicUs() - awaySinceUs >= config.lookupWaitMsMax * 1000;

  const remember = (topic: string, id: number, text: string | undefined): void => {
    const writer = text === undefined ? undefined : topics.get(topic)!.own.writer(text);
    if (writer?.ok === true) {
      found.set(`${topic}/${id}`, { writer, until: Infinity });
      lookups.add(1, { outcome: 'found' });
      return;
    }
    const reason = writer === undefined ? 'there is no such id' : writer.reason;
    log.warn({ topic, id, reason }, 'records with this schema id cannot be read');
    found.set(`${topic}/${id}`, { writer: null, until: clock.now() + ABSENT_MS });
    lookups.add(1, { outcome: writer === undefined ? 'absent' : 'unreadable' });
  };
  const find = async (topic: string, id: number): Promise<void> => {
    for (let delayMs = RETRY_MS_MIN; ; delayMs = Math.min(RETRY_MS_MAX, delayMs * 2)) {
      const answer = await api.schema(id).catch((error: unknown): RegistryResult<undefined> => ({
        ok: false,
        reason: (error as Error).message,
      }));
      closing.signal.throwIfAborted();
      if (answer.ok) {
        awaySinceUs = undefined;
        remember(topic, id, answer.value);
        return;
      }
      awaySinceUs ??= clock.monotonicUs();
      if (isOver()) {
        lookups.add(1, { outcome: 'given_up' });
        log.error({ topic, id, reason: answer.reason }, 'a schema id could not be looked up');
        return;
      }
      log.warn({ topic, id, reason: answer.reason, delayMs }, 'records wait for the schema registry');
      await clock.sleep(delayMs, closing.signal);
    }
  };

  return {
    idOf: (topic, fingerprint) => topics.get(topic)?.ids.get(fingerprint),
    known(topic, id) {
      const own = topics.get(topic);
      if (own === undefined) return null;
      const writer = own.writers.get(id);
      if (writer !== undefined) return writer;
      const entry = found.get(`${topic}/${id}`);
      return entry === undefined || clock.now() > entry.until ? undefined : entry.writer;
    },
    lookUp(topic, id) {
      const name = `${topic}/${id}`;
      const running = underWay.get(name) ?? find(topic, id).finally(() => underWay.delete(name));
      underWay.set(name, running);
      return running;
    },
    close() {
      closing.abort(new Error('the schema registry is closed'));
      http.close();
    },
  };
}
