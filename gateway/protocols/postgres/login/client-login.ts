/** One client from its first byte to its session: handshake, proof, admission, target, session. Every way out is told. */
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { isCountersignError, type CountersignError } from '../../../../platform/errors/errors.ts';
import type { Client, Identity, Target } from '../../../../schemas/types.ts';
import type { Session } from '../../../sessions/session.ts';
import type { ConnectionConfig, ProtocolDeps } from '../../protocol.ts';
import type { PostgresListenerConfig } from '../options.ts';
import type { Analyser } from '../analysis/analyser.ts';
import type { SessionCatalogue } from '../analysis/effects.ts';
import type { CatalogueReader } from '../catalogue/reader.ts';
import { postgresError, sqlStateOf } from '../errors.ts';
import { createRelay, type Relay } from '../relay/relay.ts';
import { type Connector } from '../target/connector.ts';
import { targetSessionOf } from '../target/target-session.ts';
import { ignore, type TargetLink } from '../target/login.ts';
import { isLoopback, normalAddress } from '../../../../platform/network/address.ts';
import { fatalResponse } from '../wire/fatal.ts';
import { PROTOCOL_3_2 } from '../wire/message-types.ts';
import { MessageStream } from '../wire/message-stream.ts';
import {
  authentication,
  backendKeyData,
  errorResponse,
  negotiateProtocolVersion,
  parameterStatus,
  readyForQuery,
} from '../wire/messages.ts';
import { authenticate } from './authenticate.ts';
import type { CancelKeys } from './cancel-keys.ts';
import { shakeHands, type Handshake } from './handshake.ts';
import type { PendingLogins } from '../../clients/pending-logins.ts';
import { reportRefusal } from '../../clients/report-refusal.ts';
import { filterStartup, isAsciiSafe } from './startup-parameters.ts';
import { readLoginName } from './login-name.ts';
import type { LoginThrottle } from '../../clients/throttle.ts';

export interface LoginContext {
  readonly deps: ProtocolDeps;
  readonly config: PostgresListenerConfig;
  readonly analyser: Analyser;
  readonly secureContext: SecureContext | null;
  /** tls-server-end-point of the listener's certificate. */
  readonly channelBinding: Buffer | null;
  /** Something has come: more may come soon. */
  readonly awake: () => void;
  readonly pending: PendingLogins;
  readonly throttle: LoginThrottle;
  readonly cancelKeys: CancelKeys;
  readonly relays: Set<Relay>;
  connector(connection: ConnectionConfig): Connector;
}

type Startup = Extract<Handshake, { ok: true }> & {
  readonly message: {
    readonly kind: 'startup';
    readonly minor: number;
    readonly parameters: ReadonlyMap<string, string>;
  };
};

const PASSWORD_BYTES_MAX = 64 * 1024;
/** A refused client that does not hang up is cut off. */
const REFUSED_MS = 1_000;

/** Serves a new connection. Never rejects. */
export async function serveClient(context: LoginContext, plain: Socket): Promise<void> {
  const login = new ClientLogin(context, plain);
  try {
    await login.run();
  } catch (cause) {
    if (isCountersignError(cause)) {
      // What tokens and credentials stand in is away; before a login nobody is told more.
      context.deps.log.warn({ cause }, 'a login could not be checked');
      login.refuse(postgresError('POSTGRES_LOGIN_UNAVAILABLE', {}, cause));
      return;
    }
    context.deps.log.error({ cause }, 'login failed by a bug');
    login.drop();
  }
}

class ClientLogin {
  readonly #context: LoginContext;
  #socket: Socket;
  readonly #client: { ip: string; port: number; tool: string | null; version: string | null };
  #claimedName: string | null = null;
  #identity: Identity | null = null;
  #target: Target | null = null;
  #over = false;
  /** The target knows the session by an account that lives as long as a grant. */
  #ofGrant = false;
  readonly #settle: () => void;

  constructor(context: LoginContext, plain: Socket) {
    this.#context = context;
    this.#socket = plain;
    this.#client = {
      ip: normalAddress(plain.remoteAddress ?? ''),
      port: plain.remotePort ?? 0,
      tool: null,
      version: null,
    };
    plain.on('error', ignore);
    const { loginTimeoutMs } = context.config;
    const timer = context.deps.clock.after(
      loginTimeoutMs,
      () => this.#refuse(postgresError('POSTGRES_LOGIN_TIMEOUT', { timeoutMs: loginTimeoutMs })),
      { background: true },
    );
    const leave = context.pending.add(() => this.#refuse(postgresError('POSTGRES_LOGINS_PENDING')));
    this.#settle = () => {
      this.#over = true;
      timer.cancel();
      leave();
    };
  }

  /** Says why, and closes. */
  refuse(error: CountersignError): void {
    this.#refuse(error);
  }

  /** Closes without a word. */
  drop(): void {
    this.#settle();
    this.#socket.destroy();
  }

  async run(): Promise<void> {
    const { context } = { context: this.#context };
    const hands = await shakeHands(this.#socket, context.secureContext, (socket) => {
      this.#socket = socket;
      socket.on('error', ignore);
    });
    if (this.#over) return;
    if (!hands.ok) {
      // A client that says nothing and goes (a port check) is no refused login.
      if (hands.reason === 'the client went away') this.drop();
      else this.#refuse(postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason: hands.reason }));
      return;
    }
    if (hands.message.kind === 'cancel') {
      context.cancelKeys.cancel(hands.message.pid, hands.message.key);
      // As PostgreSQL does: no answer, whether the key was right or not.
      this.drop();
      return;
    }
    await this.#logIn(hands as Startup);
  }

  async #logIn(hands: Startup): Promise<void> {
    const { deps, throttle, relays, config } = this.#context;
    const { parameters, minor } = hands.message;
    this.#client.tool = parameters.get('application_name') ?? null;
    this.#claimedName = parameters.get('user')?.slice(0, 256) ?? null;
    const { ip } = this.#client;
    const user = parameters.get('user');
    if (!hands.tls && !isLoopback(ip)) return this.#refuse(postgresError('POSTGRES_TLS_REQUIRED'));
    if (user === undefined || user === '')
      return this.#refuse(
        postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason: 'no user name in the startup message' }),
      );
    const retryAfterSeconds = throttle.retryAfterSeconds(ip);
    if (retryAfterSeconds > 0)
      return this.#refuse(postgresError('POSTGRES_LOGIN_THROTTLED', { retryAfterSeconds }));
    const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    if (minor > 2 || unknown.length > 0)
      this.#socket.write(negotiateProtocolVersion(Math.min(PROTOCOL_3_2, 0x30000 + minor), unknown));

    const stream = new MessageStream(this.#socket, PASSWORD_BYTES_MAX, hands.early);
    const named = readLoginName(
      user,
      parameters.get('database'),
      (one) => deps.connection(one) !== undefined,
    );
    const name = named.connection;
    const proof = await authenticate(deps, stream, this.#socket, {
      user: named.user,
      channelBinding: hands.tls ? this.#context.channelBinding : null,
      context: { connection: name, clientIp: ip },
      issuer: config.oauthIssuer,
    });
    const early = stream.release();
    if (this.#over) return;
    if (!proof.ok) {
      if (proof.reason === 'wrong') {
        throttle.failed(ip);
        return this.#refuse(postgresError('POSTGRES_LOGIN_FAILED', { user }));
      }
      if (proof.reason === 'refused') {
        throttle.failed(ip);
        return this.#refuse(proof.error);
      }
      // No login yet: as with one who only looks at the port.
      if (proof.reason === 'asked') return this.#dismiss(postgresError('POSTGRES_LOGIN_FAILED', { user }));
      return this.#refuse(postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason: proof.detail }));
    }
    this.#identity = proof.token.identity;
    if (relays.size >= config.sessionsMax)
      return this.#refuse(postgresError('POSTGRES_SESSIONS_FULL', { sessionsMax: config.sessionsMax }));

    const connection = deps.connection(name);
    if (connection === undefined)
      return this.#refuse(postgresError('POSTGRES_CONNECTION_UNKNOWN', { connection: name }));
    const connector = this.#context.connector(connection);
    const database = named.database ?? connector.options.database;
    this.#target = {
      connection: name,
      protocol: 'postgres',
      host: connection.host,
      port: connection.port,
      database,
      role: null,
    };
    const admitted = deps.access.admit(proof.token, name, { clientIp: ip });
    if (!admitted.ok) return this.#refuse(admitted.error);
    this.#identity = admitted.value;
    if (database !== connector.options.database && !connector.options.anyDatabase)
      return this.#refuse(
        postgresError('POSTGRES_CONNECTION_UNKNOWN', { connection: `${name}/${database}` }),
      );
    const filtered = filterStartup(parameters, connector.options);
    if (!filtered.ok) return this.#refuse(filtered.error);
    const account = await deps.grantAccount(admitted.value.id, name);
    if (account !== undefined) {
      const problem = await connector.makeAccount(account);
      if (problem !== undefined) return this.#over ? undefined : this.#refuse(problem);
    }
    const read: Awaited<ReturnType<Connector['readCredential']>> =
      account === undefined
        ? await connector.readCredential()
        : { ok: true, credential: { username: account.name, password: account.password } };
    if (this.#over) return;
    if (!read.ok) return this.#refuse(read.error);
    this.#target = { ...this.#target, role: read.credential.username };
    this.#ofGrant = account !== undefined;
    const reached = await connector.login(read.credential, database, filtered.parameters);
    if (!reached.ok) return this.#over ? undefined : this.#refuse(reached.error);
    const { link } = reached;
    this.#target = { ...this.#target, host: link.host, port: link.port };
    const encoding = link.parameters.get('client_encoding') ?? 'UTF8';
    if (this.#over || this.#socket.destroyed || !isAsciiSafe(encoding)) {
      link.socket.on('error', ignore);
      link.socket.destroy();
      if (this.#over) return;
      return this.#refuse(
        isAsciiSafe(encoding)
          ? postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason: 'the client went away during its login' })
          : postgresError('POSTGRES_STARTUP_REFUSED', {
              parameter: 'client_encoding',
              reason: `${encoding} is not ASCII-safe`,
            }),
      );
    }
    const mechanism = proof.mechanism.toLowerCase();
    this.#open({
      link,
      connector,
      early,
      final: proof.final,
      principals: proof.token.principals,
      minor,
      tls: hands.tls,
      mechanism,
      startup: parameters,
      dropped: filtered.dropped,
      relies: account === undefined ? [] : [account.grantId],
    });
  }

  #open(ready: {
    link: TargetLink;
    connector: Connector;
    early: Buffer;
    final: Buffer;
    principals: readonly Identity[];
    minor: number;
    tls: boolean;
    mechanism: string;
    startup: ReadonlyMap<string, string>;
    dropped: readonly string[];
    relies: readonly string[];
  }): void {
    const { deps, relays, cancelKeys, analyser, awake } = this.#context;
    const { link, connector } = ready;
    const detach = connector.attach(link);
    const reader = this.#reader(connector);
    const key = cancelKeys.issue(ready.minor >= 2 ? 32 : 4, () => relay.cancel());
    const relay = createRelay(
      {
        clock: deps.clock,
        random: deps.random,
        log: deps.log,
        awake,
        analyser,
        connector,
        catalogue: this.#catalogue(reader, connector),
        hmac: (secret) => deps.hmac(secret),
        startup: ready.startup,
        onClosed() {
          key.forget();
          relays.delete(relay);
          detach();
        },
      },
      this.#socket,
      link,
    );
    relays.add(relay);
    const opened = deps.sessions.open({
      identity: this.#identity!,
      principals: ready.principals,
      relies: ready.relies,
      client: this.#client satisfies Client,
      target: this.#target!,
      authentication: ready.mechanism,
      tls: ready.tls,
      targetSession: targetSessionOf(link, connector.options.addresses),
      end: (order) => relay.end(order),
      ...(reader === undefined ? {} : { estimate: (actions) => reader.estimate(actions) }),
    });
    if (!opened.ok) {
      // Sessions has written the refusal's event.
      this.#settle();
      relay.refuse(opened.error);
      return;
    }
    this.#settle();
    this.#welcome(relay, opened.session, ready, key.pid, key.key);
  }

  #reader(connector: Connector): CatalogueReader | undefined {
    const { database, role } = this.#target!;
    // Accounts of grants come and go: one reader for all of them, which knows nobody's privileges.
    const user = this.#ofGrant ? '' : (role ?? '');
    return connector.catalogue(database ?? connector.options.database, user);
  }

  /** Read at once, so that the first command need not wait for it. */
  #catalogue(source: CatalogueReader | undefined, connector: Connector): SessionCatalogue | undefined {
    if (source === undefined) return undefined;
    if (!source.isFresh()) source.refresh().catch(() => undefined);
    const { catalogueAway } = connector.options;
    const failClosed =
      catalogueAway === 'deny' || (catalogueAway === 'deny_machines' && this.#identity!.kind !== 'human');
    return { source, failClosed, userKnown: !this.#ofGrant };
  }

  #welcome(
    relay: Relay,
    session: Session,
    ready: { link: TargetLink; early: Buffer; final: Buffer; dropped: readonly string[] },
    pid: number,
    key: Buffer,
  ): void {
    const messages = [ready.final, authentication(0)];
    for (const [name, value] of ready.link.parameters) messages.push(parameterStatus(name, value));
    messages.push(backendKeyData(pid, key));
    for (const name of ready.dropped)
      messages.push(
        errorResponse({
          severity: 'WARNING',
          sqlState: '01000',
          message: `startup parameter "${name}" is not passed on to the target`,
        }),
      );
    messages.push(readyForQuery('I'));
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(messages));
    relay.start(session, ready.early);
  }

  #refuse(error: CountersignError): void {
    if (this.#over) return;
    const { deps } = this.#context;
    reportRefusal(deps, 'postgres', {
      identity: this.#identity,
      client: this.#client,
      target: this.#target,
      claimedName: this.#claimedName,
      error,
    });
    this.#dismiss(error);
  }

  /** Says why, and closes. */
  #dismiss(error: CountersignError): void {
    this.#settle();
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.resume();
    socket.end(fatalResponse(error, sqlStateOf(error)));
    this.#context.deps.clock.after(REFUSED_MS, () => socket.destroy(), { background: true });
  }
}
