/** The protocol's listener with an Access and Sessions of the test: the gate's outcomes are told by the test, all is written down. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { createSystemClock, createSystemRandom } from '../../../../platform/clock/system-clock.ts';
import { defineErrors } from '../../../../platform/errors/errors.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { Metrics } from '../../../../platform/metrics/metrics.ts';
import type { Identity } from '../../../../schemas/types.ts';
import type { Access, ScramVerifier, TokenRecord } from '../../../access/access.ts';
import type { Limits } from '../../../policy/decision.ts';
import type {
  EndOrder,
  GateDecision,
  RequestInput,
  ResponseInput,
  SessionOpening,
  Sessions,
} from '../../../sessions/session.ts';
import type { ConnectionConfig, ProtocolDeps, TargetCredential } from '../../protocol.ts';
import type { Analyser } from '../analysis/analyser.ts';
import { createPostgresListener } from '../listener.ts';
import type { PostgresListenerConfig, PostgresOptions } from '../options.ts';
import { createFakeAnalyser } from './fake-analyser.ts';

export const testError = defineErrors({
  TEST_TOKEN: { message: 'the token is not taken', hint: 'Get another.', status: 401 },
  TEST_LOCKOUT: { message: 'locked out: {reason}', hint: 'Ask for a release.', status: 403 },
});

export interface SeenRequest {
  readonly id: string;
  readonly input: RequestInput;
  readonly outcome: 'allow' | 'deny' | 'held';
  responses: ResponseInput[];
}

export interface SeenSession {
  readonly opening: SessionOpening;
  readonly requests: SeenRequest[];
  readonly closes: { reason: string; detail: string | undefined }[];
  readonly recorded: { stream: 'in' | 'out' | 'size'; requestId: string | null; bytes: Buffer }[];
  end(reason?: EndOrder['reason']): void;
}

export type Decide = (input: RequestInput) => 'allow' | 'deny' | Promise<'allow' | 'deny'>;

export interface TestGateway {
  readonly host: string;
  readonly port: number;
  readonly sessions: SeenSession[];
  readonly refusals: { code: string; claimedName: string | null }[];
  readonly deps: ProtocolDeps;
  decide: Decide;
  /** Of what is allowed. */
  limits: Limits | undefined;
  /** The recording asks to wait while this is a promise. */
  recordingBlocked: Promise<void> | undefined;
  keepRecording: boolean;
  stop(): Promise<void>;
}

export const TOKEN = 'cs1_test-token-of-the-tests';
/** Has the form of a token of an outside issuer. */
export const JWT = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from('{"sub":"robot"}').toString('base64url')}.c2lnbmF0dXJl`;
export const USER = 'robot';

export const identity: Identity = {
  id: 'countersign/robot',
  issuer: 'countersign',
  subject: 'robot',
  kind: 'service_account',
  displayName: 'Robot',
  groups: [],
  credentialSource: 'countersign/tests',
  tokenId: 't1',
  issuedAt: null,
  expiresAt: null,
  onBehalfOf: [],
  attributes: {},
};

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
    admit: (record, connection) =>
      connection === 'locked'
        ? { ok: false, error: testError('TEST_LOCKOUT', { reason: 'test' }) }
        : { ok: true, value: record.identity },
  };
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    process.stderr.write(`${message} ${String((fields['cause'] as Error | undefined)?.stack)}\n`);
  },
  child: () => silent,
};
const noMetrics: Metrics = {
  counter: () => ({ add() {} }),
  gauge: () => ({ set() {} }),
  histogram: () => ({ observe() {} }),
  expose: () => Promise.resolve(''),
};

export interface TestGatewayConfig {
  readonly target: { readonly host: string; readonly port: number };
  readonly credential: TargetCredential;
  readonly options?: PostgresOptions;
  readonly listener?: Partial<PostgresListenerConfig>;
  readonly analyser?: Analyser;
}

export async function startGateway(config: TestGatewayConfig): Promise<TestGateway> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const seen: SeenSession[] = [];
  const refusals: TestGateway['refusals'] = [];
  const state = {
    decide: (() => 'allow') as Decide,
    limits: undefined as Limits | undefined,
    recordingBlocked: undefined as Promise<void> | undefined,
    keepRecording: true,
  };
  let ids = 0;
  const sessions: Sessions = {
    open(opening) {
      if (opening.target.connection === 'refused')
        return { ok: false, error: testError('TEST_LOCKOUT', { reason: 'at open' }) };
      const requests: SeenRequest[] = [];
      const byId = new Map<string, SeenRequest>();
      const closes: SeenSession['closes'] = [];
      const recorded: SeenSession['recorded'] = [];
      seen.push({
        opening,
        requests,
        closes,
        recorded,
        end: (reason = 'killed') =>
          opening.end({
            reason,
            error: testError('TEST_LOCKOUT', { reason: 'killed by the test' }),
            lockoutId: null,
            incidentId: null,
          }),
      });
      return {
        ok: true,
        session: {
          id: `session-${seen.length}`,
          recording: {
            write(stream, requestId, bytes) {
              if (state.keepRecording) recorded.push({ stream, requestId, bytes: Buffer.from(bytes) });
              return state.recordingBlocked === undefined;
            },
            drained: () => state.recordingBlocked ?? Promise.resolve(),
          },
          request(input) {
            const requestId = `request-${(ids += 1)}`;
            const decided = input.forcedDenial === undefined ? state.decide(input) : 'deny';
            const outcome = decided instanceof Promise ? 'held' : decided;
            const request: SeenRequest = { id: requestId, input, outcome, responses: [] };
            requests.push(request);
            byId.set(requestId, request);
            const decision = (given: 'allow' | 'deny'): GateDecision => ({
              outcome: given,
              decisionId: `0193a000-0000-7000-8000-${String(ids).padStart(12, '0')}`,
              rule: input.forcedDenial?.rule ?? 'test-rule',
              reason: input.forcedDenial?.reason ?? 'the test says so',
              ...(state.limits === undefined ? {} : { limits: state.limits }),
            });
            return {
              requestId,
              first: decided instanceof Promise ? 'hold_verdict' : decided,
              decision: decided instanceof Promise ? decided.then(decision) : decision(decided),
            };
          },
          response: (requestId, input) => void byId.get(requestId)!.responses.push(input),
          close: (reason, detail) => void closes.push({ reason, detail }),
        },
      };
    },
    refused: (refusal) =>
      void refusals.push({
        code: refusal.error.code,
        claimedName: refusal.claimedName,
      }),
  };
  const connection = (name: string): ConnectionConfig | undefined =>
    ['main', 'locked', 'refused'].includes(name)
      ? {
          name,
          protocol: 'postgres',
          host: config.target.host,
          port: config.target.port,
          credential: 'targets/main',
          // What stands for a target in these tests expects the sessions alone.
          options: { catalogue: 'off', ...config.options },
        }
      : undefined;
  const deps: ProtocolDeps = {
    access: createTestAccess(),
    sessions,
    connection,
    grantAccount: () => Promise.resolve(undefined),
    credential: () => Promise.resolve(config.credential),
    kept: (_, make) => Promise.resolve(make()),
    clock,
    random,
    log: silent,
    metrics: noMetrics,
    hmac: (secret) => createHmac('sha256', 'key of the tests').update(secret).digest(),
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
  return {
    ...address,
    sessions: seen,
    refusals,
    deps,
    get decide() {
      return state.decide;
    },
    set decide(decide) {
      state.decide = decide;
    },
    get limits() {
      return state.limits;
    },
    set limits(limits) {
      state.limits = limits;
    },
    get recordingBlocked() {
      return state.recordingBlocked;
    },
    set recordingBlocked(blocked) {
      state.recordingBlocked = blocked;
    },
    get keepRecording() {
      return state.keepRecording;
    },
    set keepRecording(keep) {
      state.keepRecording = keep;
    },
    stop: () => listener.stop(0),
  };
}

/** Waits until something is so. */
export async function until(
  what: string,
  so: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const clock = createSystemClock();
  const deadline = clock.monotonicUs() + timeoutMs * 1000;
  while (!(await so())) {
    if (clock.monotonicUs() > deadline) throw new Error(`waited in vain until ${what}`);
    await clock.sleep(5);
  }
}
