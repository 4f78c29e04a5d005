/** Names with `*` for any run of characters; everything else stands for itself, case included. */

/** Linear in the text for each `*`; never backtracks further than to the last one. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star !== -1) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** Matches any of the patterns; absent patterns match everything. */
export function compileGlobs(
  patterns: readonly string[] | undefined,
): ((text: string) => boolean) | undefined {
  if (patterns === undefined || patterns.includes('*')) return undefined;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const globs = patterns.filter((pattern) => pattern.includes('*'));
  return (text) => exact.has(text) || globs.some((pattern) => matchesGlob(pattern, text));
}
