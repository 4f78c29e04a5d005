/** Sinks on a real embedded log, against real receivers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { createCodec } from '../../../schemas/codec.ts';
import { SinkConfig } from '../../../schemas/config/sinks.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { DeadLetter, SessionEvent } from '../../../schemas/types.ts';
import type { Role } from '../../../platform/lifecycle/role.ts';
import type { Logger } from '../../../platform/log/log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { clock, openStage as openLog, sampleOf, type Stage } from '../../test/stage.ts';
import { createSinksRole } from '../sinks-role.ts';

export { clock, sampleOf, type Stage } from '../../test/stage.ts';

const rolesOf = new WeakMap<Stage, Role[]>();

/** A log of the test's own. Roles on it are stopped before it is closed: a closing log waits for batches under way. */
export async function openStage(t: TestContext): Promise<Stage> {
  const roles: Role[] = [];
  t.after(() => Promise.all(roles.map((role) => role.stop(1000))));
  const stage = await openLog(t);
  rolesOf.set(stage, roles);
  return stage;
}

export const EVENTS = TOPICS.sessionEvents.name;
/** Signing keys of the tests: HMAC, as the specification writes them. */
export const SECRETS: Readonly<Record<string, string>> = {
  FIRST: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  SECOND: `whsec_${Buffer.alloc(24, 2).toString('base64')}`,
  TOKEN: 'Bearer collector-token',
};

export const readSecret = async (reference: object): Promise<string> => {
  const secret = SECRETS[(reference as { env: string }).env];
  if (secret === undefined) throw new Error('no such secret');
  return secret;
};

/** A whole configuration with the defaults of the schema, but quick to try again. */
export function sinkConfig(given: object): SinkConfig {
  const quick = { retryDelayMsMin: 5, retryDelayMsMax: 40 };
  return Value.Parse(SinkConfig, Value.Default(SinkConfig, { ...quick, ...given }));
}

/** Starts the role; it is stopped with the test. */
export async function startSinks(
  stage: Stage,
  configs: readonly SinkConfig[],
  log: Logger = silentLogger,
): Promise<Role> {
  const { eventLog, metrics } = stage;
  const role = createSinksRole({ eventLog, metrics, clock, log, readSecret, version: '0.1.0' }, configs);
  rolesOf.get(stage)!.push(role);
  await role.start();
  return role;
}

const events = createCodec('session-event');
const request = sampleOf<SessionEvent>('session-event', 'request');
/** A request named by its id; with what differs from the sample. */
export const eventNamed = (eventId: string, more: Partial<SessionEvent> = {}): Buffer =>
  events.encode({ ...request, eventId, ...more });

/** Ids of so many events, in order. */
export const ids = (count: number, prefix = 'e'): string[] =>
  Array.from({ length: count }, (_, place) => `${prefix}${String(place).padStart(4, '0')}`);

export const appendEvents = (stage: Stage, key: string, names: readonly string[]): Promise<void> =>
  stage.append(
    EVENTS,
    key,
    names.map((name) => eventNamed(name)),
  );

export async function readDeadLetters(stage: Stage): Promise<DeadLetter[]> {
  const codec = createCodec('dead-letter');
  const letters: DeadLetter[] = [];
  const reader = await stage.eventLog.read({
    topic: TOPICS.deadLetters.name,
    onRecords(records) {
      for (const { value } of records) {
        const decoded = codec.decode(value!);
        if (decoded.ok) letters.push(decoded.value);
      }
    },
    onFailure(error) {
      throw error;
    },
  });
  await reader.caughtUp();
  await reader.close();
  return letters;
}

/** A folder that goes with the test. */
export function ownFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-sinks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
