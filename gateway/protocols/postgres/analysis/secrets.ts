/** Lifting secrets out of command text: what the parser proved, and a careful guess where nothing parses. */
import type { SecretMark } from './context.ts';
import { tokensOf, type Token } from './parser.ts';

export type Hmac = (secret: string | Uint8Array) => Buffer;

export interface LiftedText {
  readonly text: string;
  readonly lifted: boolean;
}

const DIGEST_HEX = 12;

/** Words that announce a secret. Text with none of them takes the short way. */
export const SECRET_WORDS =
  /passw|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key|conninfo|dblink/i;

/** Words behind which a literal is a secret (all runs bounded, so that no text takes more than linear time), for text that does not parse or lies in a string. */
const ANNOUNCED =
  /((?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|api_?key|access_?key|private_?key)\w{0,64}"?(?=[\s=:(,])\s{0,64}(?:=>|:=|=|:|\bto\b|\bis\b|,|\()?\s{0,64}(?:[EeNn]|[Uu]&)?)('+)((?:\\.|(?!\2).)+?)(?:\2|$)/gis;
const KEY_VALUE =
  /((?:pass(?:word|wd|phrase|file)?|sslpassword|pwd|secret|token|api_?key|access_?key)\s{0,64}=\s{0,64}\\?)([^\s'"&;\\]+)/gi;
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/'"]{0,128}:)([^\s@'"]{1,1024})(@)/gi;
const UNPARSED_LITERAL = /'(?:[^'\\]|''|\\.)*(?:'|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g;

function digestOf(hmac: Hmac, secret: string): string {
  return `hmac:${hmac(secret).toString('hex').slice(0, DIGEST_HEX)}`;
}

/** Value of a string token, near enough to be recognised again: quotes and prefix away, doubled quotes single. */
function valueOf(raw: string): string {
  const dollar = /^\$(\w*)\$([\s\S]*)\$\1\$$/.exec(raw);
  if (dollar !== null) return dollar[2]!;
  return raw
    .replace(/^[^']*'/, '')
    .replace(/'$/, '')
    .replaceAll("''", "'");
}

function isLiteral(token: Token): boolean {
  // By its text: the lexer has no name for U&'...'.
  return /^(?:[EeNnBbXx]|[Uu]&)?'|^\$[^\d$][^$]*\$|^\$\$/.test(token.text);
}

/**
 * Replaces by its keyed digest every string literal that begins in a marked range (bytes), and every one that stands behind a
 * word that announces a secret; in the others, what a connection string or nested command would show.
 */
export function liftSecrets(sql: string, marks: readonly SecretMark[], hmac: Hmac): LiftedText {
  if (marks.length === 0 && !SECRET_WORDS.test(sql) && !sql.includes('://'))
    return { text: sql, lifted: false };
  const bytes = Buffer.from(sql, 'utf8');
  const tokens = tokensOf(sql);
  if (tokens.length === 0) return liftUnparsed(sql, hmac);
  const out: string[] = [];
  let at = 0;
  tokens.forEach((token, index) => {
    const comment = token.name === 'SQL_COMMENT' || token.name === 'C_COMMENT';
    if ((!isLiteral(token) && !comment) || token.start < at) return;
    const raw = bytes.toString('utf8', token.start, token.end);
    const marked = marks.some((mark) => token.start >= mark.start && token.start < mark.end);
    const lift = !comment && (marked || isAnnounced(tokens, index));
    const text = lift ? `'${digestOf(hmac, valueOf(raw))}'` : liftAnnounced(raw, raw, hmac).text;
    out.push(bytes.toString('utf8', at, token.start), text);
    at = token.end;
  });
  out.push(bytes.toString('utf8', at));
  const text = out.join('');
  return { text, lifted: text !== sql };
}

const BETWEEN = new Set(['=', ':=', '=>', '(', 'to', 'is', 'encrypted', '<>', '!=', 'like']);

/** Whether the word before a literal, or the literal before it in a list, says that it is a secret. */
function isAnnounced(tokens: readonly Token[], index: number): boolean {
  let before = index - 1;
  const comma = tokens[before]?.text === ',';
  if (comma) {
    const label = tokens[before - 1];
    return label !== undefined && isLiteral(label) && label.text.length < 64 && SECRET_WORDS.test(label.text);
  }
  for (let steps = 0; steps < 4 && BETWEEN.has((tokens[before]?.text ?? '').toLowerCase()); steps++)
    before -= 1;
  const word = tokens[before];
  return word !== undefined && !isLiteral(word) && SECRET_WORDS.test(word.text);
}

function liftAnnounced(text: string, original: string, hmac: Hmac): LiftedText {
  if (!SECRET_WORDS.test(text) && !text.includes('://')) return { text, lifted: text !== original };
  const lifted = text
    .replace(ANNOUNCED, (whole, before: string, quotes: string, secret: string) =>
      secret.startsWith('hmac:') ? whole : `${before}${quotes}${digestOf(hmac, secret)}${quotes}`,
    )
    .replace(KEY_VALUE, (whole, before: string, secret: string) =>
      secret.startsWith('hmac:') || /^(\$\d+|\?|:\w+|\w+\()/.test(secret)
        ? whole
        : `${before}${digestOf(hmac, secret)}`,
    )
    .replace(URL_PASSWORD, (whole, before: string, secret: string, after: string) =>
      secret.startsWith('hmac:') ? whole : `${before}${digestOf(hmac, secret)}${after}`,
    );
  return { text: lifted, lifted: lifted !== original };
}

/** For a piece of the command that stands alone (a program's command line). */
export function liftPiece(text: string, hmac: Hmac): string {
  return liftAnnounced(text, text, hmac).text;
}

/** For text that does not parse: from the first word that announces a secret on, every literal goes. */
export function liftUnparsed(sql: string, hmac: Hmac): LiftedText {
  const first = sql.search(SECRET_WORDS);
  if (first === -1) return liftAnnounced(sql, sql, hmac);
  // A literal may have begun before the word (a body in dollar quotes): start at the statement's first quote then.
  const quote = sql.search(/['$]/);
  const from = quote !== -1 && quote < first ? quote : first;
  const text =
    sql.slice(0, from) +
    sql.slice(from).replace(UNPARSED_LITERAL, (raw) => `'${digestOf(hmac, valueOf(raw))}'`);
  return liftAnnounced(text, sql, hmac);
}
