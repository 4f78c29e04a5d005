/** A crude stand-in for the gateway's analyser: enough of the sample statements to test detectors on. */
import { createHash } from 'node:crypto';
import type { Action, RiskClass } from '../../../schemas/types.ts';

const OBJECT = /\b(?:from|join|into|update|table|truncate)\s+(?:only\s+)?([a-z_][\w.]*)/gi;

function actionOf(sql: string): string {
  const word = /^\s*(\w+)/.exec(sql)![1]!.toLowerCase();
  if (word === 'select') return 'read';
  if (word === 'insert' || word === 'update') return 'write';
  if (word === 'begin' || word === 'commit') return 'transaction';
  if (word === 'do') return 'opaque_code';
  if (/^(create|alter)\s+role/i.test(sql)) return 'role_change';
  if (/create function/i.test(sql)) return 'create';
  return word;
}

const HIGH: ReadonlySet<string> = new Set([
  'drop',
  'truncate',
  'grant',
  'role_change',
  'opaque_code',
  'delete',
]);

export function analyse(sql: string): { fingerprint: string; actions: Action[]; risk: RiskClass } {
  const shape = sql.replace(/'(?:[^']|'')*'/g, '?').replace(/\b\d+(\.\d+)?\b/g, '?');
  const action = actionOf(sql);
  const objects = [...new Set([...sql.matchAll(OBJECT)].map((match) => match[1]!))];
  const whole =
    !/\b(where|limit|count|max|sum|avg)\b/i.test(sql) && (action === 'read' || action === 'delete');
  const actions = (objects.length === 0 ? [null] : objects).map((object) => ({
    action,
    objectKind: object === null ? null : 'table',
    object: object === null ? null : object.includes('.') ? object : `public.${object}`,
    columns: [],
    whole,
  }));
  const fingerprint = createHash('sha256').update(shape).digest('hex').slice(0, 16);
  return { fingerprint, actions, risk: HIGH.has(action) ? 'high' : 'low' };
}
