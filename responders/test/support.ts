/** Responders on a real embedded log, against a real HTTP server that stands for the control API. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import { allTopics } from '../../platform/event-log/test/all-topics.ts';
import type { EventLog, NewRecord } from '../../platform/event-log/event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createCodec } from '../../schemas/codec.ts';
import { EventLogConfig } from '../../schemas/config/event-log.ts';
import { RespondersConfig } from '../../schemas/config/responders.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Decided, Detection, Incident, ResponseStep } from '../../schemas/types.ts';
import { createHttpControlApi } from '../http/control-api.ts';
import { createJsonClient } from '../http/json-client.ts';
import { HARMLESS } from '../playbooks/run-cases.ts';
import { createRespondersRole, type RespondersRole } from '../role.ts';

export interface Call {
  readonly path: string;
  readonly key: string;
  readonly body: Record<string, unknown>;
}
export type Answer = { readonly status: number; readonly body: unknown };
/** Answers a call, or undefined: never answers. */
export type Script = (call: Call, calls: readonly Call[]) => Answer | undefined;

export const locked: Script = (call, calls) =>
  call.path === '/v1/lockouts'
    ? {
        status: 200,
        body: {
          lockout: { lockoutId: `lockout-${calls.length}` },
          outcome: 'in_force',
          revision: calls.length,
        },
      }
    : { status: 200, body: { outcome: 'ended', tokenId: 'x', revokedAt: 1 } };

export const problem = (status: number, code: string): Answer => ({ status, body: { code, detail: code } });

export const codecs = {
  detection: createCodec('detection'),
  incident: createCodec('incident'),
  response: createCodec('response'),
  verdict: createCodec('verdict'),
  controlRecord: createCodec('control-record'),
};
const deadLetterCodec = createCodec('dead-letter');

export interface World {
  readonly calls: Call[];
  readonly responses: ResponseStep[];
  readonly incidents: Incident[];
  readonly verdicts: Decided[];
  readonly deadLetters: string[];
  readonly log: EventLog;
  script: Script;
  /** Resolves once it holds; looked at after each call and record. */
  until(condition: () => boolean): Promise<void>;
  detect(differing: Partial<Detection>): Promise<Detection>;
  append(topic: string, record: NewRecord): Promise<void>;
  role(config?: Partial<RespondersConfig>): RespondersRole;
}

export async function openWorld(t: TestContext): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'responders-'));
  const clock = createSystemClock();
  const random = createSystemRandom();
  const metrics = createPromMetrics();
  const log = createEmbeddedEventLog(
    { disk: createNodeDisk(), clock, random, log: silentLogger, metrics },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder },
  );
  await log.ensureTopics(allTopics(4));
  const waiting = new Set<{ condition: () => boolean; resolve: () => void }>();
  const look = (): void => {
    for (const each of waiting)
      if (each.condition()) {
        waiting.delete(each);
        each.resolve();
      }
  };
  const world: Omit<World, 'role' | 'detect' | 'append'> & { script: Script } = {
    calls: [],
    responses: [],
    incidents: [],
    verdicts: [],
    deadLetters: [],
    log,
    script: locked,
    until: (condition) =>
      condition() ? Promise.resolve() : new Promise((resolve) => waiting.add({ condition, resolve })),
  };
  const collect = (topic: string, take: (value: Buffer) => void) =>
    log.read({
      topic,
      onRecords(records) {
        for (const { value } of records) take(Buffer.from(value!));
        look();
      },
      onFailure: (error) => assertNever(error),
    });
  const assertNever = (error: unknown): void => {
    throw error as Error;
  };
  const must = <T>(result: { ok: true; value: T } | { ok: false; reason: string }): T => {
    if (!result.ok) throw new Error(result.reason);
    return result.value;
  };
  const readers = [
    await collect(TOPICS.responses.name, (value) =>
      world.responses.push(must(codecs.response.decode(value))),
    ),
    await collect(TOPICS.incidents.name, (value) =>
      world.incidents.push(must(codecs.incident.decode(value))),
    ),
    await collect(TOPICS.deadLetters.name, (value) =>
      world.deadLetters.push(must(deadLetterCodec.decode(value)).code),
    ),
    await collect(TOPICS.verdicts.name, (value) => {
      const { body } = must(codecs.verdict.decode(value));
      if (body.kind === 'decided') world.verdicts.push(body);
    }),
  ];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
      const call = { path: request.url!, key: String(request.headers['idempotency-key']), body };
      world.calls.push(call);
      const answer = world.script(call, world.calls);
      if (answer !== undefined) response.writeHead(answer.status).end(JSON.stringify(answer.body));
      look();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = createJsonClient(clock, { timeoutMs: 10_000 });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const roles: RespondersRole[] = [];
  const writer = await log.writer('test');
  const deadLetters = createDeadLetters({ writer, clock, log: silentLogger, metrics });
  t.after(async () => {
    for (const role of roles) await role.stop(0);
    for (const reader of readers) await reader.close();
    http.close();
    server.closeAllConnections();
    server.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const append = async (topic: string, record: NewRecord): Promise<void> => {
    await writer.append(topic, [record]);
  };
  return Object.assign(world, {
    append,
    async detect(differing: Partial<Detection>) {
      const id = random.bytes(16).toString('hex');
      const now = clock.now();
      const detection = { ...HARMLESS, detectionId: id, eventTime: now, detectedAt: now, ...differing };
      const key = detection.credentialSource ?? detection.identityId;
      await append(TOPICS.detections.name, { key, value: codecs.detection.encode(detection) });
      return detection;
    },
    role(config: Partial<RespondersConfig> = {}) {
      const role = createRespondersRole(
        {
          eventLog: log,
          controlApi: createHttpControlApi(http, { url, token: 'test' }),
          codecs,
          deadLetters,
          readSecret: () => Promise.resolve(''),
          clock,
          random,
          log: silentLogger,
          metrics,
        },
        {
          ...(Value.Default(RespondersConfig, {}) as RespondersConfig),
          retryDelayMs: 1,
          retryDelayMsMax: 2,
          ...config,
        },
      );
      roles.push(role);
      return role;
    },
  });
}
