/** Gateways as they are often built: by the first word, by a list of words, by names in the text. What they let through is the point. */

export type NaiveGateway = 'verb' | 'words' | 'names';

const HARMLESS_VERBS =
  /^(select|with|table|values|show|explain|set|begin|start|commit|rollback|savepoint|fetch|declare|prepare|execute|insert|update|merge|call|create|do|copy|listen|reset|deallocate|lock)\b/i;
const DENIED_WORDS =
  /\b(drop\s+(table|role|schema|view|database)|truncate|grant|revoke|alter\s+(table|role|user|system)|delete\s+from|superuser)\b/i;
const DENIED_NAMES = /hr\.victim_secrets|\bsalary\b|\biban\b|public\.victim_secret\b/;

/** Does a gateway of that kind let all of the steps through? */
export function letsThrough(gateway: NaiveGateway, steps: readonly string[]): boolean {
  return steps.every((sql) => {
    const text = sql.trim();
    // Comments in front are stripped even there.
    const first = text.replace(/^(\s|;|--[^\n]*\n|\/\*.*?\*\/)+/gs, '');
    if (gateway === 'verb') return HARMLESS_VERBS.test(first);
    return gateway === 'words' ? !DENIED_WORDS.test(text) : !DENIED_NAMES.test(text);
  });
}
