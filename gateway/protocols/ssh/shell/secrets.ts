/** Lifting secrets out of a command line: what the analysis marked, and what looks like one. A keyed digest stands in their place. */
export type Hmac = (secret: string) => Buffer;

const DIGEST_HEX = 12;
const LIFTED = /^hmac:[0-9a-f]{12}$/;

/**
 * For what the analysis did not mark. No operator of a shell is in them, so that nobody hides a command behind `echo 'password: '`. All runs are
 * bounded, so that no text takes more than linear time.
 */
const LOOKS: readonly RegExp[] = [
  // scheme://user:secret@host
  /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/'"]{0,128}:)([^\s@'"/]{1,1024})(?=@)/gi,
  // --password=secret, PASSWORD=secret, api_key: secret
  /((?:^|[\s'"&?;,{(])-{0,2}[\w.-]{0,40}(?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential)s?["']?\s{0,4}[=:]\s{0,4})(?!-)("[^"\n;|&<>$`]{1,512}"|'[^'\n;|&<>]{1,512}'|[^\s'"&;|<>]{1,512})/gi,
  // --password secret, aws_secret_access_key secret
  /((?:^|\s)(?:--?[\w.-]{0,40}|\w{1,40}_)(?:passw(?:or)?d|passphrase|pwd|secret|token|key)\s{1,4})(?!-)("[^"\n;|&<>$`]{1,512}"|'[^'\n;|&<>]{1,512}'|[^\s'"&;|<>]{1,512})/gi,
  // Authorization: Bearer x, X-Api-Key: x, Cookie: x
  /((?:authorization|proxy-authorization)\s{0,4}:\s{0,4}(?:bearer|basic|token|digest|apikey)?\s{0,4})([^\s'"]{4,4096})/gi,
  /((?:x-[\w-]{0,40}(?:key|token|secret|auth)|private-token|cookie|set-cookie)\s{0,4}:\s{0,4})([^'"\n]{1,4096})/gi,
  // Keys by their own form.
  /()\b((?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|xox[abprs]-[\w-]{10,255}|glpat-[\w-]{10,255}|sk-[A-Za-z0-9_-]{20,255}|eyJ[\w-]{8,2048}\.[\w-]{8,4096}\.[\w-]{0,1024}|AIza[\w-]{30,64}|hvs\.[\w-]{10,255}|npm_[A-Za-z0-9]{20,255})/g,
  // A key's own text.
  /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)([\s\S]{1,16384}?)(?=-----END|$)/g,
];

/** Words that say that what follows is read, not given: `--password-file`, `token list`. */
const NO_SECRET = /^["']?(\$|<|\/dev\/|file:|@|-|true$|false$|yes$|no$|none$|null$|\[|\(|\{|hmac:)/i;

/** Text with its secrets lifted; `lifted` says whether there were any. */
export function liftSecrets(
  text: string,
  marked: ReadonlySet<string>,
  hmac: Hmac,
): { readonly text: string; readonly lifted: boolean } {
  const digest = (secret: string): string => `hmac:${hmac(secret).toString('hex').slice(0, DIGEST_HEX)}`;
  let out = text;
  // The longest first: one may be a part of another.
  for (const secret of [...marked].sort((one, other) => other.length - one.length)) {
    if (secret === '' || LIFTED.test(secret)) continue;
    out = replaceMarked(out, secret, digest(secret));
  }
  for (const look of LOOKS)
    out = out.replace(look, (whole, before: string, secret: string) => {
      const bare = secret.replace(/^(["'])([\s\S]*)\1$/, '$2');
      return NO_SECRET.test(secret) || bare.includes('hmac:') ? whole : `${before}${digest(bare)}`;
    });
  return { text: out, lifted: out !== text };
}

/** Replaces a secret as it is written; where quotes or escapes hide it, the word that gives it. */
function replaceMarked(text: string, secret: string, digest: string): string {
  if (secret.length >= 4 && text.includes(secret)) return text.replaceAll(secret, digest);
  const at = wordsOf(text).filter(
    ({ value }) =>
      value === secret || (value.endsWith(secret) && /[:=p]$/.test(value.slice(0, -secret.length))),
  );
  let out = text;
  for (const { start, end, value } of at.toReversed())
    out = `${out.slice(0, start)}${value.slice(0, value.length - secret.length)}${digest}${out.slice(end)}`;
  return out === text && text.includes(secret) ? text.replaceAll(secret, digest) : out;
}

interface RawWord {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

/** Words of a line by blanks outside of quotes, with quotes and backslashes away. */
function wordsOf(text: string): RawWord[] {
  const words: RawWord[] = [];
  for (const match of text.matchAll(/(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/gs)) {
    const value = match[0].replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs,
      (_, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
    );
    words.push({ start: match.index, end: match.index + match[0].length, value });
  }
  return words;
}
