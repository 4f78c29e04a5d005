/** One client from its first byte to its session: proof, admission, target, session. Every way out is told. */
import type { Socket } from 'node:net';
import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2';
import { isCountersignError, type CountersignError } from '../../../../platform/errors/errors.ts';
import type { Identity, Target } from '../../../../schemas/types.ts';
import { normalAddress } from '../../../../platform/network/address.ts';
import type { LoginContext as BearerContext } from '../../../access/access.ts';
import type { PendingLogins } from '../../clients/pending-logins.ts';
import { reportRefusal } from '../../clients/report-refusal.ts';
import type { LoginThrottle } from '../../clients/throttle.ts';
import type { ListenerConfig, ProtocolDeps } from '../../protocol.ts';
import type { SshAnalysis } from '../analysis.ts';
import type { Stated } from '../channels/start.ts';
import { sshError } from '../errors.ts';
import { mendChannelRequests, sendBanner, sendDisconnect } from '../library/internals.ts';
import { createRelay, type Relay } from '../relay.ts';
import type { Connectors } from '../target/connector.ts';
import { targetSessionOf } from '../target/control-shell.ts';
import type { Dialled } from '../target/dial.ts';
import { askReason, askToken } from './ask.ts';
import { parseLoginName, toolOf } from './login-name.ts';
import { proveKey, proveToken, type Proof } from './proofs.ts';

export interface LoginContext {
  readonly deps: ProtocolDeps;
  readonly config: ListenerConfig;
  readonly analysis: SshAnalysis;
  readonly connectors: Connectors;
  /** Authorities of users' certificates. */
  readonly authorities: readonly Buffer[];
  readonly pending: PendingLogins;
  readonly throttle: LoginThrottle;
  readonly relays: Set<Relay>;
}

/** Methods that clients may go on with (RFC 4252, section 5.1). */
const METHODS = ['publickey', 'password', 'keyboard-interactive'] as const;
/** Proofs that a client may try on one connection. */
const ATTEMPTS_MAX = 6;
/** Keys that a client may ask about: an agent may hold many. */
const QUESTIONS_MAX = 64;
/** A refused client that does not hang up is cut off. */
const REFUSED_MS = 1000;
/** SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE (RFC 4253, section 11.1). */
const NO_MORE_METHODS = 14;

export class ClientLogin {
  readonly #context: LoginContext;
  readonly #socket: Socket;
  readonly #client: { ip: string; port: number; tool: string | null; version: string | null };
  #connection: Connection | undefined;
  #claimedName: string | null = null;
  #identity: Identity | null = null;
  #target: Target | null = null;
  /** Proved, and asked for a reason. */
  #proved: { readonly username: string; readonly proof: Extract<Proof, { ok: true }> } | undefined;
  #stated: Stated | undefined;
  #attempts = 0;
  #questions = 0;
  /** One proof after the other: a client may begin anew while a question of ours is open. */
  #turn: Promise<void> = Promise.resolve();
  #over = false;
  readonly #settle: () => void;

  constructor(context: LoginContext, socket: Socket) {
    this.#context = context;
    this.#socket = socket;
    this.#client = {
      ip: normalAddress(socket.remoteAddress ?? ''),
      port: socket.remotePort ?? 0,
      tool: null,
      version: null,
    };
    const { loginTimeoutMs } = context.config;
    const timer = context.deps.clock.after(
      loginTimeoutMs,
      () => this.#refuse(sshError('SSH_LOGIN_TIMEOUT', { timeoutMs: loginTimeoutMs })),
      { background: true },
    );
    const leave = context.pending.add(() => this.#refuse(sshError('SSH_LOGINS_PENDING')));
    this.#settle = () => {
      this.#over = true;
      timer.cancel();
      leave();
    };
    // The library ends what it cannot read, and would wait for the other side to do the same.
    socket.once('finish', () =>
      context.deps.clock.after(REFUSED_MS, () => socket.destroy(), { background: true }),
    );
    socket.once('close', () => {
      if (!this.#over) this.#settle();
    });
  }

  /** The client has said which program it is. */
  greet(connection: Connection, software: string): void {
    this.#connection = connection;
    Object.assign(this.#client, toolOf(software));
    mendChannelRequests(connection);
    connection.on('error', (cause: Error) => {
      if (this.#over) return;
      // The library goes on after a broken packet, and makes room for what was announced.
      const { level } = cause as { level?: string };
      if (level !== 'socket')
        this.#refuse(sshError('SSH_PROTOCOL_VIOLATION', { reason: cause.message.slice(0, 200) }));
      this.#socket.destroy();
    });
    connection.on('authentication', (asked: AuthContext) => {
      this.#turn = this.#turn
        .then(() => (this.#over ? undefined : this.#authenticate(asked)))
        .catch((cause: unknown) => {
          if (isCountersignError(cause)) {
            // What tokens and credentials stand in is away; before a login nobody is told more.
            this.#context.deps.log.warn({ cause }, 'a login could not be checked');
            this.#refuse(sshError('SSH_LOGIN_UNAVAILABLE', {}, cause));
            return;
          }
          this.#context.deps.log.error({ cause }, 'login failed by a bug');
          this.#refuse(sshError('SSH_LOGIN_UNAVAILABLE'));
        });
    });
  }

  async #authenticate(asked: AuthContext): Promise<void> {
    this.#claimedName ??= asked.username.slice(0, 256);
    const { throttle } = this.#context;
    const retryAfterSeconds = throttle.retryAfterSeconds(this.#client.ip);
    if (retryAfterSeconds > 0) return this.#refuse(sshError('SSH_LOGIN_THROTTLED', { retryAfterSeconds }));
    if (asked.method === 'none') return asked.reject([...METHODS]);
    const before = this.#proved;
    this.#proved = undefined;
    if (before !== undefined && before.username === asked.username && asked.method === 'keyboard-interactive')
      return await this.#askWhy(asked, before.proof);
    const proof = await this.#prove(asked);
    if (proof === 'asked' || this.#over) return;
    if (proof.ok) return await this.#askWhy(asked, proof);
    if (!proof.guess) return this.#refuse(proof.error);
    this.#guessed(asked);
  }

  /** Where the connection asks persons for a reason, one more question comes before they get in. */
  async #askWhy(asked: AuthContext, proof: Extract<Proof, { ok: true }>): Promise<void> {
    const { deps, connectors } = this.#context;
    const connection = deps.connection(parseLoginName(asked.username)?.connection ?? '');
    const asks =
      proof.token.identity.kind === 'human' &&
      connection?.protocol === 'ssh' &&
      connectors.of(connection).options.askReason;
    if (!asks) return await this.#admit(asked, proof);
    if (asked.method !== 'keyboard-interactive') {
      this.#proved = { username: asked.username, proof };
      sendBanner(this.#connection!, 'countersign: this connection asks why it is used.\r\n');
      return asked.reject(['keyboard-interactive'], true);
    }
    const stated = await askReason(asked);
    if (stated === undefined || this.#over) return undefined;
    if (stated === null) {
      this.#identity = proof.token.identity;
      return this.#refuse(sshError('SSH_REASON_MISSING', { connection: connection.name }));
    }
    this.#stated = stated;
    return await this.#admit(asked, proof);
  }

  #guessed(asked: AuthContext): void {
    this.#attempts += 1;
    const user = this.#claimedName ?? '';
    this.#context.throttle.failed(this.#client.ip);
    if (this.#attempts >= ATTEMPTS_MAX) return this.#refuse(sshError('SSH_LOGIN_FAILED', { user }));
    // Each failure is an event of its own: the client may leave without another word.
    this.#report(sshError('SSH_LOGIN_FAILED', { user }));
    asked.reject([...METHODS]);
  }

  /** `asked`: the client got its answer, nothing is proved yet. */
  async #prove(asked: AuthContext): Promise<Proof | 'asked'> {
    const { access } = this.#context.deps;
    switch (asked.method) {
      case 'password':
        return proveToken(access, asked.password, 'password', this.#loginContext(asked.username));
      case 'keyboard-interactive': {
        const secret = await askToken(asked);
        return secret === undefined
          ? 'asked'
          : proveToken(access, secret, 'keyboard-interactive', this.#loginContext(asked.username));
      }
      case 'publickey':
        return this.#proveKey(asked);
      default:
        asked.reject([...METHODS]);
        return 'asked';
    }
  }

  #loginContext(userName: string): BearerContext {
    return { connection: parseLoginName(userName)?.connection ?? null, clientIp: this.#client.ip };
  }

  async #proveKey(asked: PublicKeyAuthContext): Promise<Proof | 'asked'> {
    const { blob, signature, key, hashAlgo } = asked;
    const signed = signature !== undefined && blob !== undefined;
    if (!signed) {
      this.#questions += 1;
      if (this.#questions > QUESTIONS_MAX) return { ok: false, guess: true };
    }
    const proof = await proveKey(
      {
        access: this.#context.deps.access,
        authorities: this.#context.authorities,
        nowMs: this.#context.deps.clock.now(),
        ip: this.#client.ip,
      },
      {
        blob: Buffer.from(key.data),
        signature: signed
          ? { data: blob, value: signature, rsaHash: hashAlgo as 'sha256' | 'sha512' | undefined }
          : undefined,
      },
    );
    if (signed) return proof;
    // An unknown key is no guess: clients offer all they have.
    if (proof.ok && !this.#over) asked.accept();
    else asked.reject([...METHODS]);
    return 'asked';
  }

  async #admit(asked: AuthContext, proof: Extract<Proof, { ok: true }>): Promise<void> {
    const { deps, config, relays, connectors } = this.#context;
    const { identity } = proof.token;
    this.#identity = identity;
    if (relays.size >= config.sessionsMax)
      return this.#refuse(sshError('SSH_SESSIONS_FULL', { sessionsMax: config.sessionsMax }));
    const name = parseLoginName(asked.username);
    if (name === undefined)
      return this.#refuse(sshError('SSH_LOGIN_NAME_INVALID', { user: this.#claimedName ?? '' }));
    const connection = deps.connection(name.connection);
    if (connection === undefined || connection.protocol !== 'ssh')
      return this.#refuse(sshError('SSH_CONNECTION_UNKNOWN', { connection: name.connection }));
    const { host, port } = connection;
    this.#target = { connection: connection.name, protocol: 'ssh', host, port, database: null, role: null };
    const admitted = deps.access.admit(proof.token, connection.name, { clientIp: this.#client.ip });
    if (!admitted.ok) return this.#refuse(admitted.error);
    const ends = [admitted.value.expiresAt, proof.expiresAt].filter((end) => end !== null);
    this.#identity = { ...admitted.value, expiresAt: ends.length === 0 ? null : Math.min(...ends) };
    const connector = connectors.of(connection);
    const read = await connector.readCredential();
    if (this.#over) return;
    if (!read.ok) return this.#refuse(read.error);
    const account = this.#accountOf(name.user, read.credential.username, connector.options.users);
    if (account === undefined)
      return this.#refuse(sshError('SSH_USER_REFUSED', { user: name.user!, connection: connection.name }));
    this.#target = { ...this.#target, role: account };
    const keyId = `countersign ${identity.id} ${proof.token.tokenId}`;
    const dial = async (): Promise<Dialled> => {
      const again = await connector.readCredential();
      return again.ok ? await connector.login(again.credential, account, keyId) : again;
    };
    const dialled = await connector.login(read.credential, account, keyId);
    if (!dialled.ok) return this.#refuse(dialled.error);
    const { link } = dialled;
    if (this.#over || this.#socket.destroyed) {
      link.socket.destroy();
      return;
    }
    const variable = deps.random.uuidv7(deps.clock.now());
    const relay: Relay = createRelay({
      clock: deps.clock,
      log: deps.log,
      analysis: this.#context.analysis,
      connector,
      connection: this.#connection!,
      link,
      dial,
      permits: proof.permits,
      stated: this.#stated,
      sessionVariable: variable,
      hmac: (secret) => deps.hmac(secret),
      onClosed: () => relays.delete(relay),
    });
    relays.add(relay);
    const opened = deps.sessions.open({
      identity: this.#identity,
      principals: proof.token.principals,
      client: this.#client,
      target: this.#target,
      authentication: proof.mechanism,
      // SSH's own encryption.
      tls: true,
      targetSession: targetSessionOf(variable, link),
      end: (order) => relay.end(order),
    });
    if (!opened.ok) {
      relay.abandon();
      return this.#refuse(opened.error, false);
    }
    this.#settle();
    relay.start(opened.session);
    asked.accept();
  }

  /** The account at the target; undefined where the client named one that it may not have. */
  #accountOf(user: string | null, own: string, users: readonly string[]): string | undefined {
    if (user === null) return own;
    if (users.includes(user)) return user;
    const identity = this.#identity!;
    return user === identity.subject || user === identity.id || user === own ? own : undefined;
  }

  #report(error: CountersignError): void {
    const { deps } = this.#context;
    reportRefusal(deps, 'ssh', {
      identity: this.#identity,
      client: this.#client,
      target: this.#target,
      claimedName: this.#claimedName,
      error,
    });
  }

  /** Says why, and closes. */
  #refuse(error: CountersignError, report = true): void {
    if (this.#over) return;
    this.#settle();
    if (report) this.#report(error);
    const socket = this.#socket;
    if (socket.destroyed) return;
    const connection = this.#connection;
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    try {
      // Only who has begun to log in can be told in words.
      if (this.#claimedName !== null)
        sendBanner(connection, `countersign: ${error.message.replace(/\.$/, '')}. ${error.hint}\r\n`);
      sendDisconnect(connection, NO_MORE_METHODS, error.message);
    } catch {
      // Its keys are not exchanged yet, or the library has given it up.
    }
    socket.end();
  }
}
