/** The listener with an Access and Sessions of the test: the gate's outcomes are told by the test, all is written down. */
import { readFileSync } from 'node:fs';
import { createHmac } from 'node:crypto';
import { createSystemClock, createSystemRandom } from '../../../../platform/clock/system-clock.ts';
import { defineErrors } from '../../../../platform/errors/errors.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { Metrics } from '../../../../platform/metrics/metrics.ts';
import type { Identity } from '../../../../schemas/types.ts';
import type { Limits } from '../../../policy/decision.ts';
import type { Access, TokenRecord } from '../../../access/access.ts';
import type {
  EndOrder,
  GateDecision,
  RequestInput,
  ResponseInput,
  SessionOpening,
  Sessions,
} from '../../../sessions/session.ts';
import type { ConnectionConfig, ListenerConfig, ProtocolDeps, TargetCredential } from '../../protocol.ts';
import type { SshAnalysis } from '../analysis.ts';
import { loadOwnKeys, type OwnKeys } from '../keys/own-keys.ts';
import { createSshListener } from '../listener.ts';
import type { SshOptions } from '../options.ts';
import { fakeAnalysis } from './fake-analysis.ts';

export const testError = defineErrors({
  TEST_LOCKOUT: { message: 'locked out: {reason}', hint: 'Ask for a release.', status: 403 },
  TOKEN_INVALID: { message: 'The token is not valid.', hint: 'Copy it whole.', status: 401 },
  TOKEN_EXPIRED: { message: 'The token has expired.', hint: 'Get a new one.', status: 401 },
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
  readonly closes: { reason: string; detail: string | undefined; evidence: string | undefined }[];
  readonly recorded: { stream: 'in' | 'out' | 'size'; requestId: string | null; bytes: Buffer }[];
  end(reason?: EndOrder['reason']): void;
}

export type Decide = (input: RequestInput) => 'allow' | 'deny' | Promise<'allow' | 'deny'>;

export interface TestGateway {
  readonly host: string;
  readonly port: number;
  readonly hostKeys: readonly string[];
  readonly keys: OwnKeys;
  readonly sessions: SeenSession[];
  readonly refusals: { code: string; claimedName: string | null; identity: string | null }[];
  readonly deps: ProtocolDeps;
  decide: Decide;
  /** What decisions say that answers may not pass. */
  limits: Limits | undefined;
  /** Of the robot, which may be a person. */
  kind: Identity['kind'];
  /** Called when a client waits no more for what is held. */
  onGiveUp: () => void;
  /** The recording asks to wait while this is a promise. */
  recordingBlocked: Promise<void> | undefined;
  keepRecording: boolean;
  /** Fingerprints of public keys that are bound to the robot's token. */
  readonly boundKeys: Set<string>;
  stop(): Promise<void>;
}

export const TOKEN = 'cst_test-token-of-the-tests';
export const EXPIRED_TOKEN = 'cst_expired-token';

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
    admit: (record, connection) =>
      connection === 'locked'
        ? { ok: false, error: testError('TEST_LOCKOUT', { reason: 'test' }) }
        : { ok: true, value: record.identity },
  };
}

export const loggedErrors: string[] = [];
const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error(fields, message) {
    loggedErrors.push(`${message} ${String((fields['cause'] as Error | undefined)?.stack)}`);
    process.stderr.write(`${loggedErrors.at(-1)}\n`);
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
  const seen: SeenSession[] = [];
  const refusals: TestGateway['refusals'] = [];
  const boundKeys = new Set<string>();
  const state = {
    decide: (() => 'allow') as Decide,
    limits: undefined as Limits | undefined,
    kind: identity.kind,
    onGiveUp: (): void => undefined,
    recordingBlocked: undefined as Promise<void> | undefined,
    keepRecording: true,
  };
  let ids = 0;
  const sessions: Sessions = {
    open(opening) {
      if (opening.target.connection === 'refused') {
        const error = testError('TEST_LOCKOUT', { reason: 'at open' });
        refusals.push({ code: error.code, claimedName: null, identity: opening.identity.id });
        return { ok: false, error };
      }
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
              ...(decided instanceof Promise ? { abandon: () => state.onGiveUp() } : {}),
            };
          },
          response: (requestId, input) => void byId.get(requestId)!.responses.push(input),
          close: (reason, detail, evidence) => void closes.push({ reason, detail, evidence }),
        },
      };
    },
    refused: (refusal) =>
      void refusals.push({
        code: refusal.error.code,
        claimedName: refusal.claimedName,
        identity: refusal.identity?.id ?? null,
      }),
  };
  const connection = (name: string): ConnectionConfig | undefined =>
    ['main', 'locked', 'refused'].includes(name)
      ? {
          name,
          protocol: 'ssh',
          host: config.target.host,
          port: config.target.port,
          credential: 'targets/main',
          options: config.options ?? {},
        }
      : undefined;
  const kept = config.kept ?? sharedKept;
  const deps: ProtocolDeps = {
    access: createTestAccess(boundKeys, () => state.kind),
    sessions,
    connection,
    grantAccount: () => Promise.resolve(undefined),
    credential: () => Promise.resolve(config.credential),
    kept(name, make) {
      const value = kept.get(name) ?? make();
      kept.set(name, value);
      return Promise.resolve(value);
    },
    clock,
    random: createSystemRandom(),
    log: silent,
    metrics: noMetrics,
    hmac: (secret) => createHmac('sha256', 'key of the tests').update(secret).digest(),
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
  const { host, port, trust } = await listener.start();
  return {
    host,
    port,
    hostKeys: trust.hostKeys ?? [],
    keys: await loadOwnKeys(deps),
    sessions: seen,
    refusals,
    deps,
    boundKeys,
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
    get kind() {
      return state.kind;
    },
    set kind(kind) {
      state.kind = kind;
    },
    get onGiveUp() {
      return state.onGiveUp;
    },
    set onGiveUp(told) {
      state.onGiveUp = told;
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

/** Whether somebody accepts on a socket of the file system: it is there before (the kernel's list, its flag of sockets that accept). */
export const listens = (path: string): boolean =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((row) => row.endsWith(` ${path}`) && row.split(' ')[3] === '00010000');

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
