/** What using a relation runs: views and rules, triggers, defaults, constraints, indexes, policies, and what hangs on it. */
import type { ActionKind } from '../analysis/actions.ts';
import {
  NO_EFFECTS,
  uniteEffects,
  type CatalogueView,
  type Effects,
  type RelationUse,
} from '../analysis/effects.ts';
import type { StoredCode } from '../analysis/run.ts';
import type { RelationDetails } from './details.ts';
import { functionEffects, typeEffectsOf } from './function-effects.ts';
import { effectOf, QUALIFIED, type Work } from './insight.ts';
import {
  baseRelations,
  expressionCode,
  indexCode,
  partitionCode,
  queryCode,
  ruleCode,
  triggerCode,
} from './parsed.ts';
import type { Relation } from './skeleton.ts';

/** Of what inherits, so many are named one by one; what they run counts of all. */
const CHILDREN_NAMED_MAX = 32;
const CHILDREN_MAX = 10_000;

/** pg_rewrite.ev_type. */
const RULE_EVENTS: Readonly<Record<string, number>> = { read: 1, update: 2, insert: 3, delete: 4 };
/** pg_trigger.tgtype. */
const TRIGGER_BITS: Readonly<Record<string, number>> = { insert: 4, delete: 8, update: 16, truncate: 32 };
/** pg_policy.polcmd. */
const POLICY_COMMANDS: Readonly<Record<string, string>> = {
  read: 'r',
  insert: 'ra',
  update: 'rw',
  delete: 'rd',
};

const WRITES: ReadonlySet<RelationUse> = new Set(['insert', 'update']);
const REBUILDS: ReadonlySet<RelationUse> = new Set(['insert', 'update', 'maintain', 'refresh']);

/** What the same command does to what lies beneath. */
const KINDS: Readonly<Record<RelationUse, ActionKind>> = {
  read: 'read.whole',
  insert: 'write',
  update: 'write',
  delete: 'delete',
  truncate: 'truncate',
  maintain: 'maintain',
  refresh: 'maintain',
};

export function relationEffects(
  work: Work,
  view: CatalogueView,
  relation: Relation,
  use: RelationUse,
  only: boolean,
): Effects {
  if (relation.system || relation.kind === 'S') return NO_EFFECTS;
  const name = `${relation.schema}.${relation.name}`;
  return work.once(`r ${relation.oid} ${use} ${only}`, name, () => {
    const details = work.relation(relation.oid);
    if (details === undefined) return NO_EFFECTS;
    const run = (code: StoredCode): Effects => work.run(view, code, QUALIFIED, name);
    return uniteEffects([
      ...ofView(view, details, relation, use, run),
      ...details.rules
        .filter(({ event }) => event === RULE_EVENTS[use])
        .map(({ text }) => run(ruleCode(text))),
      ...ofTriggers(work, view, details, use, run),
      run(expressionCode(expressionsOf(details, use))),
      ...(REBUILDS.has(use) ? details.indexes.map((text) => run(indexCode(text))) : []),
      ...(use === 'maintain' ? [run(expressionCode(details.statistics))] : []),
      ...ofMoves(work, view, details, relation, use),
      ...(use === 'insert' && details.partitionKey !== null
        ? [run(partitionCode(details.partitionKey))]
        : []),
      ...details.indexFunctions.map((oid) => functionEffects(work, view, oid, QUALIFIED)),
      ...ofUses(work, view, details, use),
      ...details.types.map((oid) => typeEffectsOf(work, view, oid)),
      ...ofChildren(view, details, use, only, name),
      ...ofReferring(view, details, use),
      ...ofForeign(details),
    ]);
  });
}

function expressionsOf(details: RelationDetails, use: RelationUse): readonly string[] {
  const policies = details.policies
    .filter(({ command }) => command === '*' || (POLICY_COMMANDS[use] ?? '').includes(command))
    .flatMap(({ using, check }) => [using, check]);
  const generated = details.defaults.filter((one) => WRITES.has(use) || one.generated === 'v');
  return [...policies, ...generated.map(({ text }) => text), ...(WRITES.has(use) ? details.checks : [])];
}

function ofView(
  view: CatalogueView,
  details: RelationDetails,
  { kind }: Relation,
  use: RelationUse,
  run: (code: StoredCode) => Effects,
): readonly Effects[] {
  if (details.view === null) return [];
  const body = run(queryCode(details.view));
  if (kind === 'm' || use === 'read') return [body];
  const beneath = baseRelations(details.view).flatMap(({ schema, name, only }) => {
    const full = `${schema}.${name}`;
    return [effectOf(KINDS[use], 'table', full), view.relationEffects(full, use, only).effects];
  });
  return [body, ...beneath];
}

function ofTriggers(
  work: Work,
  view: CatalogueView,
  details: RelationDetails,
  use: RelationUse,
  run: (code: StoredCode) => Effects,
): readonly Effects[] {
  const bit = TRIGGER_BITS[use] ?? 0;
  return details.triggers
    .filter(({ type }) => (type & bit) !== 0)
    .flatMap((trigger) => [
      // A trigger's function runs under the path of the session that fires it: any.
      functionEffects(work, view, trigger.function, { searchPath: null, role: null }),
      run(triggerCode(trigger.text)),
    ]);
}

/** By whose expressions; a view's run whatever is done with it. */
function ofUses(
  work: Work,
  view: CatalogueView,
  details: RelationDetails,
  use: RelationUse,
): readonly Effects[] {
  const runs = (by: string): boolean =>
    by === 'rewrite' ||
    by === 'policy' ||
    (by === 'index' ? REBUILDS.has(use) : by === 'statistics' ? use === 'maintain' : WRITES.has(use));
  const virtual = details.defaults.some(({ generated }) => generated === 'v');
  return details.uses
    .filter(({ by }) => runs(by) || (by === 'default' && virtual))
    .flatMap(({ operator, oid }) =>
      operator ? (work.insight.skeleton.operatorFunctions.get(oid) ?? []) : [oid],
    )
    .map((oid) => functionEffects(work, view, oid, QUALIFIED));
}

function ofChildren(
  view: CatalogueView,
  { children }: RelationDetails,
  use: RelationUse,
  only: boolean,
  name: string,
): readonly Effects[] {
  if (only || use === 'refresh') return [];
  if (children.length > CHILDREN_MAX) return [effectOf('opaque_code', 'relation', name)];
  return children.flatMap((child, index) => [
    ...(index < CHILDREN_NAMED_MAX ? [effectOf(KINDS[use], 'table', child)] : []),
    view.relationEffects(child, use, false).effects,
  ]);
}

/** A row that goes from one partition to another is deleted there and inserted here. */
function ofMoves(
  work: Work,
  view: CatalogueView,
  details: RelationDetails,
  { kind }: Relation,
  use: RelationUse,
): readonly Effects[] {
  if (kind !== 'p' || use !== 'update' || details.children.length > CHILDREN_MAX) return [];
  return details.children
    .flatMap((name) => work.insight.skeleton.relations.get(name) ?? [])
    .flatMap(({ oid }) => {
      const child = work.relation(oid);
      if (child === undefined) return [];
      return (['insert', 'delete'] as const).flatMap((moved) =>
        ofTriggers(work, view, child, moved, (code) => work.run(view, code, QUALIFIED, `relation ${oid}`)),
      );
    });
}

/** Foreign keys that pass a change on: c cascades, n and d write. */
function ofReferring(
  view: CatalogueView,
  { referring }: RelationDetails,
  use: RelationUse,
): readonly Effects[] {
  // With CASCADE; without it the target refuses.
  if (use === 'truncate')
    return referring.flatMap(({ name }) => [
      effectOf(KINDS.truncate, 'table', name),
      view.relationEffects(name, use, false).effects,
    ]);
  if (use !== 'delete' && use !== 'update') return [];
  return referring.flatMap(({ name, onDelete, onUpdate }) => {
    const action = use === 'delete' ? onDelete : onUpdate;
    if (!'cnd'.includes(action)) return [];
    const passed: RelationUse = use === 'delete' && action === 'c' ? 'delete' : 'update';
    return [effectOf(KINDS[passed], 'table', name), view.relationEffects(name, passed, false).effects];
  });
}

/** A foreign table may be a file or a program of the server's machine. */
function ofForeign({ foreign }: RelationDetails): readonly Effects[] {
  if (foreign === null) return [];
  const options = new Map(
    foreign.options.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const program = options.get('program');
  const file = options.get('filename');
  return [
    ...(program === undefined ? [] : [effectOf('import.server', 'program', program)]),
    ...(file === undefined ? [] : [effectOf('read.file', 'file', file)]),
  ];
}
