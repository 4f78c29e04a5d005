/** A PostgreSQL client through the gateway that never throws for what the gateway says. */
import pg from 'pg';
import type { Socket } from 'node:net';
import type { Login } from './whole.ts';

export interface Answer {
  readonly rows: unknown[][];
  /** SQLSTATE, or `CLOSED` where the connection ended without one; undefined where it worked. */
  readonly sqlState: string | undefined;
  readonly message: string;
  readonly detail: string;
}

export interface ClientTarget {
  readonly listener: { readonly host: string; readonly port: number; readonly ca: string };
}

export interface Client {
  /** Set where the login failed. */
  readonly refused: Answer | undefined;
  readonly closed: boolean;
  /** Why it was closed, as the gateway said. */
  readonly farewell: string;
  /** Its socket, for what no driver does. */
  readonly socket: Socket;
  query(sql: string): Promise<Answer>;
  end(): Promise<void>;
}

const ok = (rows: unknown[][]): Answer => ({ rows, sqlState: undefined, message: '', detail: '' });
function failed(error: unknown): Answer {
  const { code, message, detail } = error as { code?: string; message: string; detail?: string };
  return { rows: [], sqlState: code ?? 'CLOSED', message, detail: detail ?? '' };
}

export async function connect(target: ClientTarget, login: Login, database = 'shop'): Promise<Client> {
  const { host, port, ca } = target.listener;
  const client = new pg.Client({
    host,
    port,
    database,
    user: login.user,
    password: login.token,
    ssl: { ca, servername: 'localhost' },
  });
  let closed = false;
  let farewell = '';
  client.on('error', (error: Error & { code?: string }) => {
    farewell ||= `${error.code ?? ''} ${error.message}`;
  });
  client.on('end', () => {
    closed = true;
  });
  let refused: Answer | undefined;
  try {
    await client.connect();
  } catch (error) {
    refused = failed(error);
  }
  return {
    refused,
    get closed() {
      return closed;
    },
    get farewell() {
      return farewell;
    },
    get socket() {
      return (client as unknown as { connection: { stream: Socket } }).connection.stream;
    },
    async query(sql) {
      try {
        const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
        return ok(rows);
      } catch (error) {
        return failed(error);
      }
    },
    end: () => client.end().catch(() => undefined),
  };
}
