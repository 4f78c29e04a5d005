/** PostgreSQL 18's own parser (libpg_query, WebAssembly). Nothing here throws for bad SQL. */
import { setFlagsFromString } from 'node:v8';
import { fingerprintSync, loadModule, parsePlPgSQLSync, parseSync, scanSync, SqlError } from 'libpg-query';
import { listOf } from './tree.ts';

export type Parsed =
  | { readonly ok: true; readonly statements: readonly ParsedStatement[] }
  | {
      readonly ok: false;
      readonly reason: string;
      /** The parser itself failed; its memory is not to be trusted any more. */ readonly broken: boolean;
    };

/** A RawStmt: `location` and `length` are bytes of UTF-8; length 0 means up to the end. */
export interface ParsedStatement {
  readonly statement: unknown;
  readonly location: number;
  readonly length: number;
}

export interface Token {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly text: string;
}

/** Once per thread, before anything else here. */
export async function loadParser(): Promise<void> {
  // V8's second compiler takes 500 MB and seconds of processor time for the grammar's one huge function, and parses no faster for it.
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  await loadModule();
}

export function parseSql(sql: string): Parsed {
  // Comments and blanks alone are no statement; the parser's own check takes only the empty string for that.
  if (sql.trim() === '') return { ok: true, statements: [] };
  if (sql.includes('\0')) return { ok: false, reason: 'the text holds a zero byte', broken: false };
  try {
    const statements = listOf(parseSync(sql) as unknown as Record<string, unknown>, 'stmts').map((raw) => ({
      statement: raw['stmt'],
      location: typeof raw['stmt_location'] === 'number' ? raw['stmt_location'] : 0,
      length: typeof raw['stmt_len'] === 'number' ? raw['stmt_len'] : 0,
    }));
    return { ok: true, statements };
  } catch (error) {
    return {
      ok: false,
      reason: error instanceof Error ? error.message : 'unknown',
      broken: !(error instanceof SqlError),
    };
  }
}

/** libpg_query's fingerprint, hex; null where it gives none. */
export function fingerprintOf(sql: string): string | null {
  try {
    const found = fingerprintSync(sql);
    return /^[0-9a-f]{16}$/.test(found) ? found : null;
  } catch {
    return null;
  }
}

/** The lexer's tokens with their places in bytes; empty where it fails. */
export function tokensOf(sql: string): readonly Token[] {
  try {
    return scanSync(sql).tokens.map((token) => ({
      start: token.start,
      end: token.end,
      name: token.tokenName,
      text: token.text,
    }));
  } catch {
    return [];
  }
}

/** Tree of a CREATE FUNCTION whose body is PL/pgSQL; undefined where it does not parse. */
export function parsePlpgsql(create: string): unknown {
  if (create.includes('\0')) return undefined;
  try {
    return parsePlPgSQLSync(create);
  } catch {
    return undefined;
  }
}
