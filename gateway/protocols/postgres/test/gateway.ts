/** The protocol's listener with an Access and Sessions of the test: the gate's outcomes are told by the test, all is written down. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import pg from 'pg';
import { createSystemClock, createSystemRandom } from '../../../../platform/clock/system-clock.ts';
import { defineErrors } from '../../../../platform/errors/errors.ts';
import type { Access, ScramVerifier, TokenRecord } from '../../../access/access.ts';
import type { ProtocolDeps, TargetCredential } from '../../protocol.ts';
import { admit, identity } from '../../test/robot.ts';
import { testDeps } from '../../test/test-deps.ts';
import { createTestSessions, type TestSessions } from '../../test/test-sessions.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { createPostgresListener } from '../listener.ts';
import type { PostgresListenerConfig, PostgresOptions } from '../options.ts';
import { createFakeAnalyser } from './fake-analyser.ts';

const testError = defineErrors({
  TEST_TOKEN: { message: 'the token is not taken', hint: 'Get another.', status: 401 },
});

export interface TestGateway extends TestSessions {
  readonly host: string;
  readonly port: number;
  readonly deps: ProtocolDeps;
  stop(): Promise<void>;
}

export const TOKEN = 'cs1_test-token-of-the-tests';
/** Has the form of a token of an outside issuer. */
export const JWT = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from('{"sub":"robot"}').toString('base64url')}.c2lnbmF0dXJl`;
export const USER = 'robot';

function verifierOf(password: string): ScramVerifier {
  const salt = Buffer.from('salt-of-the-tests');
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  return {
    salt,
    iterations,
    storedKey: createHash('sha256').update(hmac('Client Key')).digest(),
    serverKey: hmac('Server Key'),
  };
}

function createTestAccess(): Access {
  const token: TokenRecord = {
    tokenId: 't1',
    identity,
    scram: verifierOf(TOKEN),
    connections: ['*'],
    principals: [],
  };
  const nobody = verifierOf('nobody knows');
  return {
    scramCandidate: (name) =>
      Promise.resolve(
        name === USER || name === `${USER}#t1`
          ? { token, verifier: token.scram }
          : { token: undefined, verifier: nobody },
      ),
    verifyToken: () => Promise.resolve({ ok: true, value: token }),
    verifyBearer: (credential) =>
      Promise.resolve(
        credential === TOKEN || credential === JWT
          ? { ok: true, value: token }
          : { ok: false, error: testError('TEST_TOKEN') },
      ),
    tokenByKey: () => Promise.resolve(undefined),
    tokenById: () => Promise.resolve(undefined),
    admit,
  };
}

export interface TestGatewayConfig {
  readonly target: { readonly host: string; readonly port: number };
  readonly credential: TargetCredential;
  readonly options?: PostgresOptions;
  readonly listener?: Partial<PostgresListenerConfig>;
  readonly analyser?: Analyser;
}

export async function startGateway(config: TestGatewayConfig): Promise<TestGateway> {
  const { seen, port } = createTestSessions();
  const deps: ProtocolDeps = {
    ...testDeps({
      ...config,
      protocol: 'postgres',
      // What stands for a target in these tests expects the sessions alone.
      options: { catalogue: 'off', ...config.options },
    }),
    access: createTestAccess(),
    sessions: port,
    kept: (_, make) => Promise.resolve(make()),
    clock: createSystemClock(),
    random: createSystemRandom(),
  };
  const listener = createPostgresListener(
    deps,
    {
      host: '127.0.0.1',
      port: 0,
      tls: null,
      pendingLoginsMax: 100,
      loginTimeoutMs: 20_000,
      sessionsMax: 200,
      ...config.listener,
    },
    () => Promise.resolve(config.analyser ?? createFakeAnalyser()),
  );
  const address = await listener.start();
  return Object.assign(seen, { ...address, deps, stop: () => listener.stop(0) });
}

/** node-postgres to the gateway, to be connected; that its connection is taken away fails no test by itself. */
export function libraryClient(
  { host, port }: { readonly host: string; readonly port: number },
  settings: pg.ClientConfig = {},
): pg.Client {
  const client = new pg.Client({ host, port, user: USER, password: TOKEN, database: 'main', ...settings });
  client.on('error', () => undefined);
  return client;
}
