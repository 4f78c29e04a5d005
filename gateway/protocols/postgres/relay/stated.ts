/**
 * Why a client does what it does and for which ticket, in ways that need nothing of it but what every PostgreSQL client can do:
 *
 *     PGOPTIONS='-c countersign.ticket=OPS-17 -c countersign.reason=stuck\ order'
 *     PGAPPNAME='psql [ticket: OPS-17] [reason: stuck order]'
 *     SET countersign.reason = 'stuck order'            (PostgreSQL takes any setting with a dot in its name)
 *     SELECT set_config('countersign.reason', 'stuck order', false)
 *
 * It is the client's own word: policy may ask that it is there, and nothing follows from it otherwise.
 */
import { redactTokens } from '../../../access/redact-tokens.ts';
import { parseOptions } from '../login/startup-parameters.ts';

export interface StatedReasons {
  readonly reason: string | null;
  readonly ticket: string | null;
}

type Field = keyof StatedReasons;

const CHARS_MAX = 1000;
/** Longer statements are none that only set one. */
const STATEMENT_CHARS_MAX = 4 * CHARS_MAX;

const TEXT = String.raw`'((?:[^']|'')*)'`;
const END = String.raw`\s*;?\s*$`;
const SET = new RegExp(
  String.raw`^\s*set\s+(?:session\s+|local\s+)?countersign\.(reason|ticket)\s*(?:=|\bto\b)\s*(?:${TEXT}|default)${END}`,
  'i',
);
const RESET = new RegExp(String.raw`^\s*reset\s+countersign\.(reason|ticket)${END}`, 'i');
const SET_CONFIG = new RegExp(
  String.raw`^\s*select\s+(?:pg_catalog\.)?set_config\s*\(\s*'countersign\.(reason|ticket)'\s*,\s*${TEXT}\s*,\s*(?:true|false)\s*\)${END}`,
  'i',
);
const IN_APPLICATION_NAME = /\[(reason|ticket):\s*([^\]]*)\]/gi;

const clean = (text: string): string | null => {
  // A line break would make two of one in a log; a token is no reason.
  const short = redactTokens(text.replaceAll(/\s+/g, ' ').trim().slice(0, CHARS_MAX));
  return short === '' ? null : short;
};

export class Stated {
  /** Undefined while nothing is stated. */
  current: StatedReasons | undefined;

  /** Takes what the startup message says. */
  atStartup(parameters: ReadonlyMap<string, string>): void {
    for (const [, field, text] of (parameters.get('application_name') ?? '').matchAll(IN_APPLICATION_NAME))
      this.#set(field!, text!);
    const options = parseOptions(parameters.get('options') ?? '') ?? [];
    for (const [name, value] of [...options, ...parameters]) {
      const [, field] = /^countersign\.(reason|ticket)$/i.exec(name) ?? [];
      if (field !== undefined) this.#set(field, value);
    }
  }

  /** Takes what a statement says, where it says nothing else. */
  take(sql: string): void {
    if (sql.length > STATEMENT_CHARS_MAX || !/countersign\./i.test(sql)) return;
    const [, field, text] = SET.exec(sql) ?? SET_CONFIG.exec(sql) ?? RESET.exec(sql) ?? [];
    if (field !== undefined) this.#set(field, text?.replaceAll("''", "'") ?? '');
  }

  #set(field: string, text: string): void {
    const before = this.current ?? { reason: null, ticket: null };
    this.current = { ...before, [field.toLowerCase() as Field]: clean(text) };
  }
}
