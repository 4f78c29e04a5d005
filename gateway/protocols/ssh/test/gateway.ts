/** The listener with an Access and Sessions of the test: the gate's outcomes are told by the test, all is written down. */
import { readFileSync } from 'node:fs';
import { createSystemClock, createSystemRandom } from '../../../../platform/clock/system-clock.ts';
import { defineErrors } from '../../../../platform/errors/errors.ts';
import type { Identity } from '../../../../schemas/types.ts';
import type { Access, TokenRecord } from '../../../access/access.ts';
import type { ListenerConfig, ProtocolDeps, TargetCredential } from '../../protocol.ts';
import { admit, identity } from '../../test/robot.ts';
import { testDeps } from '../../test/test-deps.ts';
import { createTestSessions, type TestSessions } from '../../test/test-sessions.ts';
import type { SshAnalysis } from '../analysis.ts';
import { loadOwnKeys, type OwnKeys } from '../keys/own-keys.ts';
import { createSshListener } from '../listener.ts';
import type { SshOptions } from '../options.ts';
import { fakeAnalysis } from './fake-analysis.ts';

const testError = defineErrors({
  TOKEN_INVALID: { message: 'The token is not valid.', hint: 'Copy it whole.', status: 401 },
  TOKEN_EXPIRED: { message: 'The token has expired.', hint: 'Get a new one.', status: 401 },
});

export interface TestGateway extends TestSessions {
  readonly host: string;
  readonly port: number;
  readonly hostKeys: readonly string[];
  readonly keys: OwnKeys;
  readonly deps: ProtocolDeps;
  /** Of the robot, which may be a person. */
  kind: Identity['kind'];
  /** Fingerprints of public keys that are bound to the robot's token. */
  readonly boundKeys: Set<string>;
  stop(): Promise<void>;
}

export const TOKEN = 'cst_test-token-of-the-tests';
export const EXPIRED_TOKEN = 'cst_expired-token';

function createTestAccess(boundKeys: ReadonlySet<string>, kindOf: () => Identity['kind']): Access {
  const none = {
    salt: Buffer.alloc(0),
    iterations: 1,
    storedKey: Buffer.alloc(0),
    serverKey: Buffer.alloc(0),
  };
  const token = (): TokenRecord => ({
    tokenId: 't1',
    identity: { ...identity, kind: kindOf() },
    scram: none,
    connections: ['*'],
    principals: [],
  });
  const verifyToken: Access['verifyToken'] = (secret) =>
    Promise.resolve(
      secret === TOKEN
        ? { ok: true, value: token() }
        : { ok: false, error: testError(secret === EXPIRED_TOKEN ? 'TOKEN_EXPIRED' : 'TOKEN_INVALID') },
    );
  return {
    scramCandidate: () => Promise.resolve({ token: undefined, verifier: none }),
    verifyToken,
    verifyBearer: (credential) => verifyToken(credential),
    tokenByKey: (fingerprint) => Promise.resolve(boundKeys.has(fingerprint) ? token() : undefined),
    tokenById: (id) => Promise.resolve(id === 't1' ? token() : undefined),
    admit,
  };
}

export interface TestGatewayConfig {
  readonly target: { readonly host: string; readonly port: number };
  readonly credential: TargetCredential;
  readonly options?: SshOptions;
  readonly listener?: Partial<ListenerConfig>;
  readonly analysis?: SshAnalysis;
  /** How far its wall clock is from the machine's. */
  readonly clockOffMs?: number;
  /** Texts kept for the gateway: its keys. */
  readonly kept?: Map<string, string>;
}

/** Host keys are slow to make: one set for all tests of a process. */
const sharedKept = new Map<string, string>();

export async function startGateway(config: TestGatewayConfig): Promise<TestGateway> {
  const real = createSystemClock();
  const { clockOffMs = 0 } = config;
  const clock = { ...real, now: () => real.now() + clockOffMs };
  const { seen, port } = createTestSessions();
  const robot = Object.assign(seen, { kind: identity.kind, boundKeys: new Set<string>() });
  const kept = config.kept ?? sharedKept;
  const deps: ProtocolDeps = {
    ...testDeps({ ...config, protocol: 'ssh', options: config.options ?? {} }),
    access: createTestAccess(robot.boundKeys, () => robot.kind),
    sessions: port,
    kept(name, make) {
      const value = kept.get(name) ?? make();
      kept.set(name, value);
      return Promise.resolve(value);
    },
    clock,
    random: createSystemRandom(),
  };
  const listener = await createSshListener(
    deps,
    {
      host: '127.0.0.1',
      port: 0,
      pendingLoginsMax: 1000,
      loginTimeoutMs: 20_000,
      sessionsMax: 200,
      ...config.listener,
    },
    () => Promise.resolve(config.analysis ?? fakeAnalysis),
  );
  const { trust, ...address } = await listener.start();
  return Object.assign(robot, {
    ...address,
    hostKeys: trust.hostKeys ?? [],
    keys: await loadOwnKeys(deps),
    deps,
    stop: () => listener.stop(0),
  });
}

/** Whether somebody accepts on a socket of the file system: it is there before (the kernel's list, its flag of sockets that accept). */
export const listens = (path: string): boolean =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((row) => row.endsWith(` ${path}`) && row.split(' ')[3] === '00010000');
