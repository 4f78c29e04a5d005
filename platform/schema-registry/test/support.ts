import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { EventLogConfig } from '../../../schemas/config/event-log.ts';
import { SchemaRegistryConfig } from '../../../schemas/config/schema-registry.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { createSystemClock, createSystemRandom } from '../../clock/system-clock.ts';
import { createNodeDisk } from '../../disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../event-log/embedded/embedded-event-log.ts';
import type { EventLog, LogRecord } from '../../event-log/event-log.ts';
import type { Logger } from '../../log/log.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import { createPromMetrics } from '../../metrics/prom-metrics.ts';
import { createSchemaRegistry, type SchemaRegistry } from '../schema-registry.ts';

export const clock = createSystemClock();

/** A client that knows Confluent's API from its description only. */
export function byTheBook(url: string) {
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok && answer.status !== 404) throw new Error(`${method} ${path}: ${answer.status}`);
    return answer.json();
  };
  return {
    call,
    register: async (subject: string, schema: object): Promise<number> =>
      (
        (await call('POST', `/subjects/${subject}/versions`, { schema: JSON.stringify(schema) })) as {
          id: number;
        }
      ).id,
    versions: (subject: string) => call('GET', `/subjects/${subject}/versions`) as Promise<number[]>,
    async clear(): Promise<void> {
      for (const subject of (await call('GET', '/subjects')) as string[])
        await call('DELETE', `/subjects/${subject}`);
    },
  };
}

export function open(
  t: TestContext | undefined,
  urls: readonly string[],
  config: Partial<SchemaRegistryConfig> = {},
  log: Logger = silentLogger,
): Promise<SchemaRegistry> {
  const defaults = Value.Default(SchemaRegistryConfig, {}) as SchemaRegistryConfig;
  const opening = createSchemaRegistry(
    {
      clock,
      log,
      metrics: createPromMetrics(),
      readSecret: (reference) => Promise.resolve('env' in reference ? reference.env : ''),
    },
    { ...defaults, urls: [...urls], ...config },
  );
  t?.after(async () => (await opening.catch(() => undefined))?.close());
  return opening;
}

/** A logger, and how to wait until it has been told something. */
export function hearing(): { log: Logger; told(message: string): Promise<void> } {
  const waiting = new Map<string, () => void>();
  const take = (_fields: unknown, message?: string): void => waiting.get(message ?? '')?.();
  return {
    log: { ...silentLogger, info: take, warn: take, error: take },
    told: (message) => new Promise((resolve) => waiting.set(message, resolve)),
  };
}

/** A log with all topics, of one partition each. */
export async function openLog(t: TestContext): Promise<EventLog> {
  const folder = mkdtempSync(join(tmpdir(), 'schema-registry-'));
  const log = createEmbeddedEventLog(
    {
      disk: createNodeDisk(),
      clock,
      random: createSystemRandom(),
      log: silentLogger,
      metrics: createPromMetrics(),
    },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder },
  );
  t.after(async () => {
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await log.ensureTopics(
    Object.values(TOPICS).map(({ name }) => ({ name, partitions: 1, cleanup: 'delete' })),
  );
  return log;
}

export async function append(log: EventLog, topic: string, ...values: Uint8Array[]): Promise<void> {
  const writer = await log.writer('test');
  await writer.append(
    topic,
    values.map((value) => ({ key: 'k', value })),
  );
  await writer.close();
}

/** All that a topic holds now. */
export async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  let failed: unknown;
  const reader = await log.read({
    topic,
    onRecords: (records) => void found.push(...records),
    onFailure: (error) => (failed = error),
  });
  await reader.caughtUp();
  await reader.close();
  if (failed !== undefined) throw failed;
  return found;
}
