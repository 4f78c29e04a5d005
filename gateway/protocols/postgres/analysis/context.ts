/** What one walk over a parse tree gathers. */
import { joinedColumns } from './joined-columns.ts';
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import { actionName, higherRisk } from '../../../policy/risk.ts';
import { ACTIONS, type ActionKind } from './actions.ts';
import type { SessionSettings } from './analyser.ts';
import type { CatalogueView, Made } from './effects.ts';
import type { ObjectResolver } from './objects.ts';
import type { PreparedNames } from './session.ts';
import { bodyOf, isNode, locationOf, nodeOf, textOf } from './tree.ts';

export interface ActionDetails {
  readonly columns?: readonly string[];
  readonly whole?: boolean;
}

/** Byte ranges of the command text whose string literals are secrets. */
export interface SecretMark {
  readonly start: number;
  readonly end: number;
}

export interface Context {
  /** As they stand at the statement under the walk: SET in the same string counts for what follows. */
  settings: SessionSettings;
  readonly resolver: ObjectResolver;
  readonly prepared: PreparedNames;
  /** What the names mean in the target; undefined where nobody knows. */
  readonly catalogue: CatalogueView | undefined;
  /** What the command makes. */
  readonly made: Made[];
  /** By qualified name as resolved: what it may be instead. */
  readonly alternatives: Map<string, readonly string[]>;
  /** Under the walk is what a statement only defines: it runs later, when nobody expects settings to change. */
  deferred: boolean;
  /** Names of common table expressions in scope; inner scopes are added and taken away. */
  readonly ctes: string[][];
  readonly actions: Action[];
  risk: RiskClass;
  /** The risk where what stands around restricts the rows. */
  riskRestricted: RiskClass;
  /** What names mean may be another thing afterwards. */
  changesCatalogue: boolean;
  /** Something was named that the catalogue does not have. */
  unknownName: boolean;
  /** Some of it may run when the command is parsed. */
  atParse: boolean;
  /** The walk is over what is stored in the target, not over what the client sent. */
  readonly stored: boolean;
  forcedDenial: { rule: string; reason: string } | null;
  changesSessionState: boolean;
  /** False where the outcome depends on more than text and settings (prepared names), or changes them. */
  cacheable: boolean;
  /** Byte offsets of constants whose value was looked at: they stay in the cache's key. */
  readonly binding: Set<number>;
  readonly secrets: SecretMark[];
  /** Byte range of the statement under the walk. */
  statement: SecretMark;
  /** Whether nothing restricts the rows of the sources under the walk. */
  sourceWhole: boolean;
  depth: number;
  /** Levels of code within code (function bodies). */
  nesting: number;
  /** False inside parsed bodies: their offsets are not those of the text. */
  located: boolean;
  /** Parses a body of SQL; undefined where it does not parse. */
  parseBody(sql: string): readonly unknown[] | undefined;
  /** Adds actions of a prepared statement. */
  merge(actions: readonly Action[], risk: RiskClass): void;
}

export const ACTIONS_MAX = 1000;

/** Adds an action once per object; past the bound one opaque_code says that there were more. */
export function add(
  context: Context,
  kind: ActionKind,
  objectKind: string | null = null,
  object: string | null = null,
  details: ActionDetails = {},
): void {
  context.risk = higherRisk(context.risk, ACTIONS[kind].risk);
  const restricted = kind === 'read.whole' ? 'low' : ACTIONS[kind].risk;
  context.riskRestricted = higherRisk(context.riskRestricted, restricted);
  const action = actionName(kind);
  const whole = details.whole ?? kind.endsWith('.whole');
  const known = context.actions.find(
    (one) => one.action === action && one.object === object && one.objectKind === objectKind,
  );
  if (known !== undefined) {
    known.whole ||= whole;
    known.columns = joinedColumns(known.columns, details.columns ?? []);
    return;
  }
  if (context.actions.length >= ACTIONS_MAX) return overflow(context);
  context.actions.push({ action, objectKind, object, columns: [...(details.columns ?? [])], whole });
}

/** Adds actions that were analysed before. */
export function mergeActions(
  context: Context,
  actions: readonly Action[],
  risk: RiskClass,
  riskRestricted = risk,
): void {
  context.risk = higherRisk(context.risk, risk);
  context.riskRestricted = higherRisk(context.riskRestricted, riskRestricted);
  for (const one of actions) {
    const same = context.actions.find(
      (known) =>
        known.action === one.action && known.object === one.object && known.objectKind === one.objectKind,
    );
    if (same !== undefined) {
      same.whole ||= one.whole;
      same.columns = joinedColumns(same.columns, one.columns);
    } else if (context.actions.length >= ACTIONS_MAX) overflow(context);
    else context.actions.push({ ...one, columns: [...one.columns] });
  }
}

function overflow(context: Context): void {
  const last = context.actions[ACTIONS_MAX - 1]!;
  if (last.action === 'opaque_code') return;
  context.actions[ACTIONS_MAX - 1] = {
    action: 'opaque_code',
    objectKind: 'statement',
    object: 'too many actions',
    columns: [],
    whole: false,
  };
  context.risk = higherRisk(context.risk, ACTIONS.opaque_code.risk);
  context.riskRestricted = higherRisk(context.riskRestricted, ACTIONS.opaque_code.risk);
}

/** Code that cannot be looked into; it may change the session as well. */
export function opaque(context: Context, objectKind: string, object: string | null): void {
  add(context, 'opaque_code', objectKind, object);
  context.changesSessionState = true;
  context.changesCatalogue = true;
}

/** Refuses the whole command, whatever policy says; the first reason stands. */
export function forbid(context: Context, rule: string, reason: string): void {
  context.forcedDenial ??= { rule, reason };
}

/**
 * Value of a constant (through casts), or undefined where it is none. Reading it makes its place binding: analyses are
 * shared only between commands with the same value there.
 */
export function constantOf(context: Context, value: unknown): string | undefined {
  const cast = bodyOf(value, 'TypeCast');
  if (cast !== undefined) return constantOf(context, cast['arg']);
  const constant = bodyOf(value, 'A_Const');
  if (constant === undefined) return undefined;
  if (context.located) context.binding.add(locationOf(constant));
  for (const field of ['sval', 'fval', 'bsval']) {
    const inner = nodeOf(constant, field);
    if (inner !== undefined) return textOf(inner, field) ?? '';
  }
  const integer = nodeOf(constant, 'ival');
  if (integer !== undefined) {
    const number = integer['ival'];
    return typeof number === 'number' ? String(number) : '0';
  }
  const boolean = nodeOf(constant, 'boolval');
  if (boolean !== undefined) return String(boolean['boolval'] === true);
  return undefined;
}

/** Every string literal of the statement under the walk is a secret. */
export function secretStatement(context: Context): void {
  context.cacheable = false;
  if (context.located) context.secrets.push(context.statement);
}

/** Every string literal under this expression is a secret. */
export function secretExpression(context: Context, value: unknown): void {
  context.cacheable = false;
  if (!context.located) return;
  if (Array.isArray(value)) {
    for (const item of value) secretExpression(context, item);
    return;
  }
  if (!isNode(value)) return;
  const constant = bodyOf(value, 'A_Const');
  if (constant !== undefined) {
    const at = locationOf(constant);
    context.secrets.push({ start: at, end: at + 1 });
    return;
  }
  for (const field in value) secretExpression(context, value[field]);
}
