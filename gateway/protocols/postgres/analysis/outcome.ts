/** What comes out of a walk: with the text as it may be kept, under the key that it may be kept by. */
import { holdsToken, redactTokens } from '../../../access/redact-tokens.ts';
import { higherRisk } from '../../../policy/risk.ts';
import type { Action } from '../../../../schemas/types.ts';
import type { StatementAnalysis } from './analyser.ts';
import type { Run } from './run.ts';
import { liftPiece, liftSecrets, liftUnparsed, SECRET_WORDS, type Hmac } from './secrets.ts';
import type { NamesSession } from './session.ts';
import type { CachedAnalysis } from './shape-cache.ts';
import type { Shape } from './tokenizer.ts';

export function opaqueAnalysis(object: string): CachedAnalysis {
  return {
    statements: 1,
    actions: [{ action: 'opaque_code', objectKind: 'statement', object, columns: [], whole: false }],
    risk: 'high',
    fingerprint: null,
    forcedDenial: null,
    changesSessionState: true,
    changesCatalogue: true,
  };
}

const CATALOGUE_AWAY =
  'the catalogue of the target cannot be read now, so that nobody can say what the names in the command mean';
const AWAY: Action = {
  action: 'opaque_code',
  objectKind: 'catalogue',
  object: 'cannot be read',
  columns: [],
  whole: false,
};
/** An empty command, and the one that pools ask whether a session lives. */
const NAMES_NOTHING = /^\s*(?:select\s+\d+)?[\s;]*$/i;

/** `found` is undefined where the walk failed. */
export function withText(sql: string, found: Run | undefined, hmac: Hmac): StatementAnalysis {
  const parsed = found?.parsed ?? false;
  const pieces = parsed ? liftSecrets(sql, found?.secrets ?? [], hmac) : liftUnparsed(sql, hmac);
  const text = redactTokens(pieces.text);
  const lifted = pieces.lifted || text !== pieces.text;
  const analysis = found?.analysis ?? opaqueAnalysis('cannot be analysed');
  if (!lifted) return { ...analysis, text, secretsLifted: false };
  // Objects that are text of the command themselves (programs, files) show what the text showed.
  const actions = analysis.actions.map((one) => ({
    ...one,
    columns: one.columns.map(redactTokens),
    object: one.object === null ? null : redactTokens(liftPiece(one.object, hmac)),
  }));
  return { ...analysis, actions, text, secretsLifted: true };
}

/** Nobody can say what the names mean now. */
export function withoutCatalogue(result: StatementAnalysis, session: NamesSession): StatementAnalysis {
  const harmless =
    result.actions.length === 0
      ? NAMES_NOTHING.test(result.text)
      : result.actions.every(({ action }) => action === 'transaction');
  if (harmless) return result;
  return {
    ...result,
    actions: [...result.actions, AWAY],
    risk: higherRisk(result.risk, 'high'),
    changesSessionState: true,
    forcedDenial:
      result.forcedDenial ??
      (session.catalogue?.failClosed === true
        ? { rule: 'POSTGRES_CATALOGUE_AWAY', reason: CATALOGUE_AWAY }
        : null),
  };
}

/** Short literals and numbers hold none of the words. */
export function maySecret(literal: string): boolean {
  return (
    literal.length > 4 &&
    literal.charCodeAt(0) === 39 &&
    (SECRET_WORDS.test(literal) || literal.includes('://') || holdsToken(literal))
  );
}

/** Of a command that is too long to look at, only the beginning is kept, without any literal. */
export function cut(sql: string, hmac: Hmac): { text: string; secretsLifted: boolean } {
  return { text: liftUnparsed(sql.slice(0, 65_536), hmac).text, secretsLifted: true };
}

/** Indexes of literals that are not proven free: no constant of the tree begins there, or its value was looked at. */
export function bindingOf(sql: string, shape: Shape, found: Run): readonly number[] {
  const binding: number[] = [];
  let bytes = 0;
  let from = 0;
  shape.offsets.forEach((offset, index) => {
    bytes += Buffer.byteLength(sql.slice(from, offset), 'utf8');
    from = offset;
    if (!found.constants.has(bytes) || found.binding.has(bytes)) binding.push(index);
  });
  return binding;
}

/** The command of that shape with other values in its free places. */
export function withOtherValues(shape: Shape, binding: readonly number[]): string {
  const pieces = shape.key.replaceAll('\u0002', '\u0001').replaceAll('\u0005', '\u0001').split('\u0001');
  let sql = pieces[0]!;
  shape.literals.forEach((literal, index) => {
    const number = literal.includes('.') || literal.length > 9 ? '4711.5' : '4711';
    const other = literal.startsWith("'") ? "'other value'" : number;
    sql += (binding.includes(index) ? literal : other) + pieces[index + 1]!;
  });
  return sql;
}
