/** Adds to a command what the objects that it names run by themselves. Without a catalogue nothing is added. */
import { mergeActions, opaque, type Context } from './context.ts';
import { ACTIONS } from './actions.ts';
import { atParse, type Answer, type Effects, type Made, type RelationUse } from './effects.ts';

/** `restricted`: the command around restricts the rows. */
export function mergeEffects(context: Context, effects: Effects, restricted = false): void {
  const risk = restricted ? effects.riskRestricted : effects.risk;
  const actions = restricted
    ? effects.actions.map((one) => (one.action === 'read' && one.whole ? { ...one, whole: false } : one))
    : effects.actions;
  mergeActions(context, actions, risk, effects.riskRestricted);
  context.changesSessionState ||= effects.changesSessionState;
  context.changesCatalogue ||= effects.changesCatalogue;
  context.atParse ||= effects.atParse === true;
  context.forcedDenial ??= effects.forcedDenial === null ? null : { ...effects.forcedDenial };
}

/** Views over views of one command. */
const VIEWS_MAX = 16;

/** A relation as resolved, and whatever else its name may mean. */
export function runRelation(
  context: Context,
  name: string,
  use: RelationUse,
  { whole = true, only = false, views = 0 }: { whole?: boolean; only?: boolean; views?: number } = {},
): void {
  const { catalogue, alternatives } = context;
  if (catalogue === undefined) return;
  const answers: Answer[] = [name, ...(alternatives.get(name) ?? [])].map((one) =>
    catalogue.relationEffects(one, use, only),
  );
  const own = madeHere(context, 'relation', name);
  if (own.length === 0 && !answers.some(({ known }) => known)) {
    context.unknownName = true;
    return opaque(context, 'relation', name);
  }
  for (const one of own) {
    mergeEffects(context, one.effects, !whole);
    for (const beneath of writtenBeneath(one, use)) {
      mergeEffects(context, effectsOfWrite(beneath, use));
      if (views >= VIEWS_MAX) return opaque(context, 'relation', name);
      if (beneath !== name) runRelation(context, beneath, use, { views: views + 1 });
    }
  }
  for (const { effects } of answers) mergeEffects(context, effects, !whole);
}

/** What the same command has made under that name, in the session's own schema or in the one that is meant. */
export function madeHere(context: Context, kind: Made['kind'], name: string): readonly Made[] {
  const bare = name.slice(name.indexOf('.') + 1);
  return context.made.filter(
    (one) => one.kind === kind && (one.name === name || one.name === `pg_temp.${bare}`),
  );
}

/** Operators by name, of whatever types. */
export function runOperator(context: Context, parts: readonly string[]): void {
  if (context.catalogue === undefined || parts.length === 0) return;
  mergeEffects(context, context.catalogue.operatorEffects(parts, context.settings));
}

export function runType(context: Context, parts: readonly string[]): void {
  if (context.catalogue === undefined || parts.length === 0) return;
  mergeEffects(context, context.catalogue.typeEffects(parts, context.settings));
}

export function runField(context: Context, name: string): void {
  if (context.catalogue === undefined) return;
  mergeEffects(context, context.catalogue.fieldEffects(name, context.settings));
}

/** What goes through indexes and statistics, of whatever tables. */
export function runMaintenance(context: Context): void {
  if (context.catalogue !== undefined) mergeEffects(context, context.catalogue.maintenanceEffects());
}

/** Any command that event triggers are told of. */
export function runSchemaChange(context: Context): void {
  context.changesCatalogue = true;
  if (context.catalogue !== undefined) mergeEffects(context, context.catalogue.schemaChangeEffects());
}

/** Runs `walk` over what the command only defines: it counts for the command, and is kept for those that use it before others see it. */
export function madeBy(context: Context, kind: Made['kind'], name: string, walk: () => void): Made[] {
  const before = {
    actions: context.actions.splice(0),
    risk: context.risk,
    riskRestricted: context.riskRestricted,
    changesSessionState: context.changesSessionState,
    changesCatalogue: context.changesCatalogue,
  };
  context.risk = 'none';
  context.riskRestricted = 'none';
  context.changesSessionState = false;
  context.changesCatalogue = false;
  walk();
  const { risk, riskRestricted, changesSessionState, changesCatalogue, forcedDenial } = context;
  const actions = context.actions.splice(0);
  const effects = { actions, risk, riskRestricted, changesSessionState, changesCatalogue, forcedDenial };
  context.actions.push(...before.actions);
  context.risk = before.risk;
  context.riskRestricted = before.riskRestricted;
  context.changesSessionState = before.changesSessionState;
  context.changesCatalogue = before.changesCatalogue;
  mergeEffects(context, effects);
  const made = { ...effects, actions: actions.map((one) => ({ ...one })) };
  return [{ kind, name, effects: context.atParse ? atParse(made) : made }];
}

/** What is there cannot be told for now; only where somebody could tell at all. */
export function runUnknown(context: Context, objectKind: string): void {
  if (context.catalogue !== undefined) opaque(context, objectKind, 'renamed');
}

/** What a change of a view that somebody has just made is a change of. */
export const writtenBeneath = ({ beneath = [] }: Made, use: RelationUse): readonly string[] =>
  use === 'insert' || use === 'update' || use === 'delete' ? beneath : [];

/** Such a change itself. */
export function effectsOfWrite(name: string, use: RelationUse): Effects {
  const action = use === 'delete' ? 'delete' : 'write';
  const { risk } = ACTIONS[action];
  const actions = [{ action, objectKind: 'table', object: name, columns: [], whole: false }];
  return { ...effectsOfRead(name), actions, risk, riskRestricted: risk };
}

/** Reading a relation under another name. */
export const effectsOfRead = (name: string): Effects => ({
  actions: [{ action: 'read', objectKind: 'table', object: name, columns: [], whole: true }],
  risk: ACTIONS['read.whole'].risk,
  riskRestricted: ACTIONS.read.risk,
  changesSessionState: false,
  changesCatalogue: false,
  forcedDenial: null,
});
