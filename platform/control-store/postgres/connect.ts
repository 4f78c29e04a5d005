/** One connection to the server that takes writes: hosts in turn, TLS, login, settings of the session. */
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { PostgresStoreConfig } from '../../../schemas/config/control-store-postgres.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import type { Clock } from '../../clock/clock.ts';
import { readTlsFiles } from '../../network/tls-files.ts';
import { controlStoreError } from '../errors.ts';
import { failureOf } from './failures.ts';
import type { Row, Statement } from './statement.ts';

export interface Connection {
  /** Rejects with what the server or the socket said; `isOpen` tells whether it can be used again. */
  query(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /** Several statements without values. */
  script(text: string): Promise<void>;
  onNotification(callback: () => void): void;
  /** Called once when it is gone, for whatever reason. */
  onEnd(callback: () => void): void;
  isOpen(): boolean;
  /** At once: what runs on it is lost. */
  destroy(): void;
  end(): Promise<void>;
}

export interface ConnectDeps {
  readonly clock: Clock;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

const APPLICATION = 'countersign control store';
const GRACE_MS = 500;
const QUICK_MS = 1000;

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = `${path}: ${(cause as NodeJS.ErrnoException).code ?? 'unreadable'}`;
    throw controlStoreError('CONTROL_STORE_CONFIG', { reason });
  }
}

function tlsOf({ tls }: PostgresStoreConfig): pg.ClientConfig['ssl'] {
  if (tls.mode === 'disable') return false;
  return { rejectUnauthorized: true, ...readTlsFiles(tls, readFile) };
}

function wrap(client: pg.Client, clock: Clock, timeoutMs: number): Connection {
  let open = true;
  const onEnd: (() => void)[] = [];
  const ended = (): void => {
    if (!open) return;
    open = false;
    for (const callback of onEnd) callback();
  };
  client.on('error', ended);
  client.on('end', ended);
  const destroy = (): void => {
    ended();
    // Not `end()`: that says goodbye and waits, and who is being left may not answer.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  };
  const timed = async <R>(work: Promise<R>, quick = false): Promise<R> => {
    // The server ends a statement by itself (statement_timeout); this is for one that does not answer any more.
    const patienceMs = quick ? Math.min(QUICK_MS, timeoutMs) : timeoutMs + GRACE_MS;
    const timer = clock.after(patienceMs, destroy, { background: true });
    try {
      return await work;
    } catch (error) {
      if (failureOf(error).kind === 'lost') destroy();
      throw error;
    } finally {
      timer.cancel();
    }
  };
  return {
    async query({ name, text, quick }, values) {
      const result = await timed(
        client.query<unknown[]>({ name, text, values: values as unknown[], rowMode: 'array' }),
        quick,
      );
      return result.rows;
    },
    async script(text) {
      await timed(client.query(text));
    },
    onNotification: (callback) => void client.on('notification', callback),
    onEnd: (callback) => void onEnd.push(callback),
    isOpen: () => open,
    destroy,
    async end() {
      if (!open) return;
      ended();
      const patience = clock.after(timeoutMs, destroy, { background: true });
      await client.end().catch(() => undefined);
      patience.cancel();
    },
  };
}

const IS_WRITABLE: Statement = {
  name: 'countersign_writable',
  text: "select not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'",
};

/** Returns how to connect; the host that took writes last is tried first. */
export function createConnector(
  { clock, readSecret }: ConnectDeps,
  config: PostgresStoreConfig,
): () => Promise<Connection> {
  if (config.password !== undefined && 'vault' in config.password)
    throw controlStoreError('CONTROL_STORE_CONFIG', {
      reason: 'its password is said to be in the vault, which the control store itself holds',
    });
  let first = 0;

  const connectTo = async (host: string, port: number): Promise<Connection> => {
    const client = new pg.Client({
      host,
      port,
      database: config.database,
      user: config.user,
      // Read each time: it may have been changed. A string, so that nothing is taken from the environment.
      password: config.password === undefined ? '' : await readSecret(config.password),
      ssl: tlsOf(config),
      connectionTimeoutMillis: config.connectTimeoutMs,
      statement_timeout: config.statementTimeoutMs,
      lock_timeout: config.statementTimeoutMs,
      idle_in_transaction_session_timeout: config.statementTimeoutMs,
      keepAlive: true,
      application_name: APPLICATION,
      options: '-c default_transaction_isolation=read\\ committed',
    });
    const connection = wrap(client, clock, config.statementTimeoutMs);
    try {
      await client.connect();
      const [row] = await connection.query(IS_WRITABLE, []);
      if (row?.[0] !== true) throw new Error(`${host}:${port} is a standby and takes no writes`);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  };

  return async () => {
    const { hosts } = config;
    let problem: unknown;
    for (let tried = 0; tried < hosts.length; tried += 1) {
      const at = (first + tried) % hosts.length;
      const { host, port } = hosts[at]!;
      try {
        const connection = await connectTo(host, port);
        first = at;
        return connection;
      } catch (error) {
        // What one server refuses for good (a password) says more than that another one is away.
        if (problem === undefined || failureOf(error).kind === 'final') problem = error;
      }
    }
    throw problem;
  };
}
