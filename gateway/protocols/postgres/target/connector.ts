/** All that the gateway does at one target: log in for a session, cancel a statement, end a backend. */
import type { Socket } from 'node:net';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import { isCountersignError, type CountersignError } from '../../../../platform/errors/errors.ts';
import type { ConnectionConfig, TargetCredential } from '../../protocol.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { Metrics } from '../../../../platform/metrics/metrics.ts';
import { CATALOGUE_PARAMETERS, createCatalogueLink, type CatalogueLink } from '../catalogue/link.ts';
import { createCatalogueReader, type CatalogueReader } from '../catalogue/reader.ts';
import { postgresError } from '../errors.ts';
import { resolveOptions, type HostAddress, type PostgresOptions, type ResolvedOptions } from '../options.ts';
import { BACKEND, REQUEST_CODES } from '../wire/message-types.ts';
import { MessageStream } from '../wire/message-stream.ts';
import { cancelRequest, query, TERMINATE } from '../wire/messages.ts';
import { dial, type DialTarget } from './dial.ts';
import type { GrantAccount } from '../../../approvals/grant-accounts.ts';
import { ACCOUNT_PREPARE, dropGrantAccount, makeGrantAccount } from './grant-account.ts';
import { createEnder, type Ender } from './ender.ts';
import { loginToOneOf } from './hosts.ts';
import {
  ignore,
  loginToTarget,
  OWN,
  type PostgresCredential,
  type TargetLink,
  type TargetLogin,
} from './login.ts';
import type { SaltedPasswords } from './scram-client.ts';

export interface ConnectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly salted: SaltedPasswords;
  credential(connection: ConnectionConfig): Promise<TargetCredential>;
  /** One for all sessions of the same connection, database and user; absent where none is kept. */
  readonly catalogue?: (key: string, make: () => CatalogueReader) => CatalogueReader;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** One for all connectors of the same connection and server; absent where none is kept. */
  readonly ender?: (address: HostAddress, make: () => Ender) => Ender;
}

/** A backend that must be ended, wherever the session has gone. */
export type Backend = Pick<TargetLink, 'host' | 'port' | 'pid' | 'backendStart'>;

export interface Connector {
  /** What names mean in one database, for sessions that log in as `user`; undefined where the connection has it off. */
  catalogue(database: string, user: string): CatalogueReader | undefined;
  readonly connection: ConnectionConfig;
  readonly options: ResolvedOptions;
  readCredential(): Promise<
    | { readonly ok: true; readonly credential: PostgresCredential }
    | { readonly ok: false; readonly error: CountersignError }
  >;
  login(
    credential: PostgresCredential,
    database: string,
    parameters: ReadonlyMap<string, string>,
  ): Promise<TargetLogin>;
  /** Makes the account of a grant where it is not there; undefined: sessions may use it. */
  makeAccount(account: GrantAccount): Promise<CountersignError | undefined>;
  /** Takes it away; undefined: it is gone. */
  dropAccount(account: Pick<GrantAccount, 'name' | 'roles'>): Promise<CountersignError | undefined>;
  /** A session has been opened: what ends backends stands ready. Returns what to call at its end. */
  attach(server: HostAddress): () => void;
  /** Asks the target to cancel what the backend runs; resolves when the target has taken the request. */
  cancel(link: Pick<TargetLink, 'host' | 'port' | 'cancelPid' | 'cancelKey'>): Promise<void>;
  /** Ends the backend with that pid, where it is still the one that started then. Resolves when it was told. */
  terminate(backend: Backend): Promise<void>;
}

export function createConnector(deps: ConnectorDeps, connection: ConnectionConfig): Connector {
  const options = resolveOptions(connection.options as PostgresOptions | undefined, connection);
  const targetAt = ({ host, port }: HostAddress): DialTarget => ({
    connection: connection.name,
    host,
    port,
    options,
  });
  const readFrom = async (path: string): ReturnType<Connector['readCredential']> => {
    try {
      const credential = await deps.credential({ ...connection, credential: path });
      if ('password' in credential || 'clientCertificate' in credential) return { ok: true, credential };
      return {
        ok: false,
        error: postgresError('POSTGRES_CREDENTIAL_UNAVAILABLE', { connection: connection.name }),
      };
    } catch (cause) {
      if (isCountersignError(cause)) return { ok: false, error: cause };
      return {
        ok: false,
        error: postgresError('POSTGRES_CREDENTIAL_UNAVAILABLE', { connection: connection.name }, cause),
      };
    }
  };
  const readCredential: Connector['readCredential'] = () => readFrom(connection.credential);
  /** With another credential than the sessions'. */
  const loginWith = async (
    path: string,
    wanted: ResolvedOptions['targetSessionAttrs'],
    database: string,
    parameters: ReadonlyMap<string, string>,
  ): Promise<TargetLogin> => {
    const read = await readFrom(path);
    if (!read.ok) return read;
    return loginToOneOf({ connection: connection.name, addresses: options.addresses, wanted }, (address) =>
      loginToTarget(deps, targetAt(address), read.credential, database, parameters),
    );
  };
  const catalogueReader = (database: string, user: string): CatalogueReader => {
    const path = options.catalogueCredential ?? connection.credential;
    const login = (): Promise<TargetLogin> =>
      loginWith(path, options.targetSessionAttrs, database, CATALOGUE_PARAMETERS);
    const { clock, log, metrics } = deps;
    const link = createCatalogueLink({ clock, login, timeoutMs: options.catalogueTimeoutMs });
    return createCatalogueReader(
      { clock, log, metrics, link, user },
      { connection: connection.name, database, ageMsMax: options.catalogueAgeMsMax },
    );
  };
  /** Does something on a link that may make roles, and closes it. */
  const asAccountMaker = async (
    work: (link: CatalogueLink) => Promise<CountersignError | undefined>,
  ): Promise<CountersignError | undefined> => {
    const path = options.grantCredential;
    if (path === null)
      return postgresError('POSTGRES_GRANT_ACCOUNT', {
        connection: connection.name,
        reason: 'the connection has no grantCredential',
      });
    const login = (): Promise<TargetLogin> => loginWith(path, 'read-write', options.database, new Map());
    const link = createCatalogueLink({
      clock: deps.clock,
      login,
      timeoutMs: options.connectTimeoutMs,
      prepare: ACCOUNT_PREPARE,
    });
    try {
      return await work(link);
    } finally {
      link.close();
    }
  };
  // Another database than the session's would do as well; the configured one is known to exist.
  const loginToEnd = async (address: HostAddress): Promise<TargetLogin> => {
    const read = await readCredential();
    if (!read.ok) return read;
    return loginToTarget(deps, targetAt(address), read.credential, options.database, new Map());
  };
  const enderAt = ({ host, port }: HostAddress): Ender | undefined =>
    deps.ender?.({ host, port }, () =>
      createEnder({
        clock: deps.clock,
        login: () => loginToEnd({ host, port }),
        timeoutMs: options.connectTimeoutMs,
      }),
    );
  return {
    connection,
    options,
    catalogue(database, user) {
      if (!options.catalogue) return undefined;
      const key = JSON.stringify([connection, database, user]);
      return deps.catalogue?.(key, () => catalogueReader(database, user));
    },
    readCredential,
    makeAccount: (account) =>
      asAccountMaker((link) =>
        makeGrantAccount(link, connection.name, account, Buffer.from(deps.random.bytes(16))),
      ),
    dropAccount: (account) => asAccountMaker((link) => dropGrantAccount(link, connection.name, account)),
    attach: (server) => enderAt(server)?.attach() ?? (() => undefined),
    login: (credential, database, parameters) =>
      loginToOneOf(
        {
          connection: connection.name,
          addresses: options.addresses,
          wanted: options.targetSessionAttrs,
        },
        (address) => loginToTarget(deps, targetAt(address), credential, database, parameters),
      ),
    async cancel(link) {
      const dialled = await dial(deps.clock, targetAt(link));
      if (!dialled.ok) return;
      const request = cancelRequest(REQUEST_CODES.cancel, link.cancelPid, link.cancelKey);
      await sendAndClose(deps.clock, dialled.socket, request, options);
    },
    async terminate({ pid, backendStart, ...server }) {
      const sql =
        `${OWN} select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_get_activity(${pid}) a ` +
        `where extract(epoch from a.backend_start) = ${backendStart}`;
      if ((await enderAt(server)?.run(sql)) === true) return;
      const login = await loginToEnd(server);
      if (!login.ok) throw login.error;
      await runAndClose(deps.clock, login.link.socket, sql, options);
    },
  };
}

/** Of one message of the answer to it. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** Runs a statement without result of interest. A pooler between may drop what a client that says goodbye has asked before: it waits. */
async function runAndClose(
  clock: Clock,
  socket: Socket,
  sql: string,
  options: ResolvedOptions,
): Promise<void> {
  socket.on('error', ignore);
  const stream = new MessageStream(socket, ANSWER_BYTES_MAX);
  const timer = clock.after(options.connectTimeoutMs, () => stream.abort('no answer'), { background: true });
  socket.write(query(sql));
  for (;;) {
    const next = await stream.next();
    if ('ended' in next || next.type === BACKEND.readyForQuery) break;
  }
  timer.cancel();
  stream.release();
  await sendAndClose(clock, socket, TERMINATE, options);
}

/** Writes and waits until the target closes. */
function sendAndClose(clock: Clock, socket: Socket, bytes: Buffer, options: ResolvedOptions): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(options.connectTimeoutMs, () => socket.destroy(), { background: true });
    socket.on('error', ignore);
    socket.once('close', () => {
      timer.cancel();
      resolve();
    });
    socket.once('end', () => socket.destroy());
    socket.resume();
    socket.end(bytes);
  });
}
