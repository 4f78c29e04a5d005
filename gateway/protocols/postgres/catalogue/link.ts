/** A connection to the target on which the catalogue is read: simple queries, one string at a time, whole answers in memory. */
import type { Socket } from 'node:net';
import type { Clock } from '../../../../platform/clock/clock.ts';
import { ignore, OWN, type TargetLogin } from '../target/login.ts';
import { decodeError } from '../wire/decode.ts';
import { FrameReader } from '../wire/frame-reader.ts';
import { BACKEND } from '../wire/message-types.ts';
import { query, TERMINATE } from '../wire/messages.ts';
import { decodeRow } from '../wire/row.ts';

/** Rows of one statement; null values come as empty text. */
export type Rows = readonly (readonly string[])[];

export type LinkAnswer =
  | { readonly ok: true; readonly results: readonly Rows[] }
  | { readonly ok: false; readonly reason: string; readonly failure: LinkFailure };

/** `away`: nobody to ask, or no answer in time. `cut`: closed under the question. Else the SQLSTATE of the target's error. */
export type LinkFailure =
  | { readonly kind: 'away' | 'cut' }
  | { readonly kind: 'error'; readonly sqlState: string };

export interface CatalogueLink {
  /** Runs statements in one string; rows of each, in order. */
  run(statements: readonly string[]): Promise<LinkAnswer>;
  /** Lets the connection go; the next question opens another. */
  rest(): void;
  close(): void;
}

export interface LinkDeps {
  readonly clock: Clock;
  readonly login: () => Promise<TargetLogin>;
  /** Longest time for one string of statements, the login included, milliseconds. */
  readonly timeoutMs: number;
  /** Said once on a new connection, and each string is sent as it is; absent: what reading needs, around each string. */
  readonly prepare?: readonly string[];
}

/** Startup parameters of the reader. */
export const CATALOGUE_PARAMETERS: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['application_name', 'countersign catalogue'],
]);

const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Before every question, in its transaction: behind a pooler each may meet another backend. Names come qualified, all is of one
 * moment, nothing is written, nobody's lock is waited for, and nothing is compiled (older servers have no such setting).
 */
const BEFORE = [
  'begin isolation level repeatable read read only',
  `set local search_path = ''`,
  `set local lock_timeout = '500ms'`,
  `set local quote_all_identifiers = off`,
  `select pg_catalog.set_config(name, 'off', true) from pg_catalog.pg_settings where name = 'jit'`,
];

interface Waiting {
  readonly resolve: (answer: LinkAnswer) => void;
  readonly results: string[][][];
  current: string[][];
  bytes: number;
  error: LinkAnswer | undefined;
}

export function createCatalogueLink({ clock, login, timeoutMs, prepare }: LinkDeps): CatalogueLink {
  let socket: Socket | undefined;
  let waiting: Waiting | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  const late = `no answer within ${timeoutMs} ms`;

  const away = (reason: string): LinkAnswer => ({ ok: false, reason, failure: { kind: 'away' } });
  const drop = (answer: LinkAnswer): void => {
    socket?.destroy();
    socket = undefined;
    const left = waiting;
    waiting = undefined;
    left?.resolve(answer);
  };

  const take = (reader: FrameReader): void => {
    const { type, buffer, start, end } = reader;
    if (waiting === undefined) return;
    waiting.bytes += end - start;
    if (waiting.bytes > ANSWER_BYTES_MAX) return drop(away('the catalogue is too large'));
    if (type === BACKEND.rowDescription) waiting.current = [];
    else if (type === BACKEND.dataRow) waiting.current.push(decodeRow(buffer.subarray(start + 5, end)));
    else if (type === BACKEND.commandComplete) {
      waiting.results.push(waiting.current);
      waiting.current = [];
    } else if (type === BACKEND.errorResponse) {
      const { sqlState, message } = decodeError(buffer, start, end);
      const reason = `${message} (SQLSTATE ${sqlState})`;
      waiting.error = { ok: false, reason, failure: { kind: 'error', sqlState } };
    } else if (type === BACKEND.readyForQuery) {
      const { resolve, results, error } = waiting;
      waiting = undefined;
      resolve(error ?? { ok: true, results });
    }
  };

  const listen = (opened: Socket): void => {
    const reader = new FrameReader({ lengthMax: () => MESSAGE_BYTES_MAX, streamed: () => false });
    opened.on('error', ignore);
    opened.on('close', () => {
      if (socket === opened)
        drop({ ok: false, reason: 'the target closed the connection', failure: { kind: 'cut' } });
    });
    opened.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      while (socket === opened && reader.next()) take(reader);
      if (reader.error !== undefined) drop(away(`the target sent a message that is ${reader.error.kind}`));
    });
    opened.resume();
    // Nobody's work waits for it: it keeps no process alive.
    opened.unref();
  };

  const send = (statements: readonly string[]): Promise<LinkAnswer> =>
    new Promise((resolve) => {
      waiting = { resolve, results: [], current: [], bytes: 0, error: undefined };
      socket!.write(query(statements.map((sql) => `${OWN} ${sql}`).join(';\n')));
    });

  const open = async (): Promise<string | undefined> => {
    if (socket !== undefined) return undefined;
    const reached = await login();
    if (!reached.ok) return reached.error.message;
    socket = reached.link.socket;
    listen(socket);
    if (prepare === undefined || prepare.length === 0) return undefined;
    const prepared = await send(prepare);
    return prepared.ok ? undefined : prepared.reason;
  };

  const once = async (statements: readonly string[]): Promise<LinkAnswer> => {
    if (closed) return away('the gateway stops');
    const timer = clock.after(timeoutMs, () => drop(away(late)), {
      background: true,
    });
    try {
      const problem = await open();
      if (problem !== undefined || socket === undefined) {
        const answer = away(problem ?? late);
        drop(answer);
        return answer;
      }
      if (prepare !== undefined) return await send(statements);
      const answer = await send([...BEFORE, ...statements, 'commit']);
      if (answer.ok) return { ok: true, results: answer.results.slice(BEFORE.length, -1) };
      if (socket !== undefined) await send(['rollback']);
      return answer;
    } finally {
      timer.cancel();
    }
  };

  return {
    run(statements) {
      const mine = turn.then(() => once(statements));
      turn = mine.catch(() => undefined);
      return mine;
    },
    rest() {
      if (waiting !== undefined) return;
      socket?.end(TERMINATE);
      socket = undefined;
    },
    close() {
      closed = true;
      socket?.end(TERMINATE);
      socket = undefined;
      waiting?.resolve(away('the gateway stops'));
      waiting = undefined;
    },
  };
}
