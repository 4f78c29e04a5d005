/** All that the gateway does at one target: log in for a session, cancel a statement, end a backend. */
import type { Socket } from 'node:net';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import { isCountersignError, type CountersignError } from '../../../../platform/errors/errors.ts';
import type { ConnectionConfig, PasswordCredential, TargetCredential } from '../../protocol.ts';
import { postgresError } from '../errors.ts';
import { resolveOptions, type PostgresOptions, type ResolvedOptions } from '../options.ts';
import { REQUEST_CODES } from '../wire/message-types.ts';
import { cancelRequest, query, TERMINATE } from '../wire/messages.ts';
import { dial, type DialTarget } from './dial.ts';
import { createEnder, type Ender } from './ender.ts';
import { ignore, loginToTarget, OWN, type TargetLogin } from './login.ts';
import type { SaltedPasswords } from './scram-client.ts';

export interface ConnectorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly salted: SaltedPasswords;
  credential(connection: ConnectionConfig): Promise<TargetCredential>;
  /** One for all connectors of the same connection; absent where none is kept. */
  readonly ender?: (make: () => Ender) => Ender;
}

export interface Connector {
  readonly connection: ConnectionConfig;
  readonly options: ResolvedOptions;
  readCredential(): Promise<
    | { readonly ok: true; readonly credential: PasswordCredential }
    | { readonly ok: false; readonly error: CountersignError }
  >;
  login(
    credential: PasswordCredential,
    database: string,
    parameters: ReadonlyMap<string, string>,
  ): Promise<TargetLogin>;
  /** A session has been opened: what ends backends stands ready. Returns what to call at its end. */
  attach(): () => void;
  /** Asks the target to cancel what the backend runs; resolves when the target has taken the request. */
  cancel(pid: number, key: Buffer): Promise<void>;
  /** Ends the backend with that pid, where it is still the one that started then. Resolves when it was told. */
  terminate(pid: number, backendStart: string): Promise<void>;
}

export function createConnector(deps: ConnectorDeps, connection: ConnectionConfig): Connector {
  const options = resolveOptions(connection.options as PostgresOptions | undefined, connection.host);
  const target: DialTarget = {
    connection: connection.name,
    host: connection.host,
    port: connection.port,
    options,
  };
  const readCredential: Connector['readCredential'] = async () => {
    try {
      const credential = await deps.credential(connection);
      if ('password' in credential) return { ok: true, credential };
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
  // Another database than the session's would do as well; the configured one is known to exist.
  const loginToEnd = async (): Promise<TargetLogin> => {
    const read = await readCredential();
    if (!read.ok) return read;
    return loginToTarget(deps, target, read.credential, options.database, new Map());
  };
  const ender = deps.ender?.(() =>
    createEnder({ clock: deps.clock, login: loginToEnd, timeoutMs: options.connectTimeoutMs }),
  );
  return {
    connection,
    options,
    readCredential,
    attach: () => ender?.attach() ?? (() => undefined),
    login: (credential, database, parameters) =>
      loginToTarget(deps, target, credential, database, parameters),
    async cancel(pid, key) {
      const dialled = await dial(deps.clock, target);
      if (!dialled.ok) return;
      await sendAndClose(deps.clock, dialled.socket, cancelRequest(REQUEST_CODES.cancel, pid, key), options);
    },
    async terminate(pid, backendStart) {
      const sql =
        `${OWN} select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_get_activity(${pid}) a ` +
        `where extract(epoch from a.backend_start) = ${backendStart}`;
      if ((await ender?.run(sql)) === true) return;
      const login = await loginToEnd();
      if (!login.ok) throw login.error;
      await sendAndClose(deps.clock, login.link.socket, Buffer.concat([query(sql), TERMINATE]), options);
    },
  };
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

const TARGET_SESSION = /^(\d{1,10})@(\d{1,12}(?:\.\d{1,9})?)$/;

/** Reads `pid@start`; undefined where it is none (it becomes part of a statement). */
export function parseTargetSession(text: string): { pid: number; backendStart: string } | undefined {
  const parts = TARGET_SESSION.exec(text);
  return parts === null ? undefined : { pid: Number(parts[1]), backendStart: parts[2]! };
}
