/** One full analysis: parse, walk every node, gather. Pure but for the session's prepared names. */
import type { SessionSettings, StatementAnalysis } from './analyser.ts';
import { forbid, mergeActions, opaque, type Context, type SecretMark } from './context.ts';
import { addAlternatives, noteAlternatives } from './alternatives.ts';
import { atParse, type CatalogueView, type Effects } from './effects.ts';
import type { ObjectResolver } from './objects.ts';
import { fingerprintOf, parseSql, type ParsedStatement } from './parser.ts';
import { runSchemaChange, runType } from './runs.ts';
import type { PreparedNames } from './session.ts';
import { PLAIN_NODES } from './statements/expressions.ts';
import { HANDLERS } from './statements/table.ts';
import { isUnsafeEncoding, setForDump } from './statements/settings.ts';
import { isNode, nameParts, nodeOf, type TreeNode } from './tree.ts';
import { isTemporary } from './relations.ts';

export interface Run {
  readonly analysis: Omit<StatementAnalysis, 'text' | 'secretsLifted'>;
  readonly parsed: boolean;
  readonly broken: boolean;
  readonly cacheable: boolean;
  /** Byte offsets of constants whose value decided something. */
  readonly binding: ReadonlySet<number>;
  /** Byte offsets of all constants of the tree. */
  readonly constants: ReadonlySet<number>;
  readonly secrets: readonly SecretMark[];
}

/** Statements that event triggers are told of (PostgreSQL: 38.1), and those that change what names mean. */
const SCHEMA_CHANGE =
  /^(Create|Alter|Drop|Define|View|Index|Rule|Rename|Grant|Comment|SecLabel|ImportForeign|Reassign|Composite|RefreshMat|Reindex).*Stmt$/;

/** Statements whose expressions run later, with other statements that do not show them. */
const DEFERRED = new Set(
  'ViewStmt RuleStmt CreateStmt CreateForeignTableStmt AlterTableStmt CreateSchemaStmt CreateDomainStmt AlterDomainStmt IndexStmt CreatePolicyStmt AlterPolicyStmt CreateTrigStmt DeclareCursorStmt'.split(
    ' ',
  ),
);
const LOOKED_UP = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);
const DEPTH_MAX = 2000;
const BODY_NESTING_MAX = 4;

export interface RunInput {
  readonly sql: string;
  readonly settings: SessionSettings;
  readonly prepared: PreparedNames;
  readonly resolver: ObjectResolver;
  /** Undefined where nobody knows the target's objects. */
  readonly catalogue?: CatalogueView | undefined;
}

/** Analyses a command string. What does not parse is one `opaque_code`. */
export function runAnalysis(input: RunInput): Run {
  const parsed = parseSql(input.sql);
  const { context, walk, constants } = createWalk(input);
  if (input.sql.includes('\\') && !input.settings.standardConformingStrings) {
    // Backslashes in plain quotes then mean something else than the parser takes them for.
    opaque(context, 'statement', 'standard_conforming_strings is off');
  }
  if (isUnsafeEncoding(input.settings.clientEncoding))
    forbid(context, 'client_encoding', 'the session speaks an encoding that is not ASCII-safe');
  if (!parsed.ok) {
    opaque(
      context,
      'statement',
      // As the walsender's grammar has them.
      /^\s*(start_replication|base_backup|identify_system|create_replication_slot|drop_replication_slot|timeline_history|read_replication_slot|upload_manifest)\b/i.test(
        input.sql,
      )
        ? 'replication command'
        : 'does not parse',
    );
    return outcome(context, constants, 1, null, { parsed: false, broken: parsed.broken });
  }
  for (const raw of parsed.statements) {
    context.statement = rangeOf(raw);
    if (parsed.statements.length === 1 && setForDump(context, input.sql)) break;
    context.deferred = isNode(raw.statement) && Object.keys(raw.statement).some((type) => DEFERRED.has(type));
    walk(raw.statement);
  }
  addAlternatives(context);
  const [first] = parsed.statements;
  if (parsed.statements.length > 1 || !isLookedUp(first?.statement)) context.unknownName = false;
  const fingerprint = parsed.statements.length === 0 ? null : fingerprintOf(input.sql);
  return outcome(context, constants, parsed.statements.length, fingerprint, { parsed: true, broken: false });
}

/** Statements whose names are looked up by a Parse; those of others when they run. */
const isLookedUp = (statement: unknown): boolean =>
  isNode(statement) && Object.keys(statement).every((type) => LOOKED_UP.has(type));

function rangeOf(raw: ParsedStatement): SecretMark {
  return { start: raw.location, end: raw.length === 0 ? Number.MAX_SAFE_INTEGER : raw.location + raw.length };
}

function outcome(
  context: Context,
  constants: ReadonlySet<number>,
  statements: number,
  fingerprint: string | null,
  state: { parsed: boolean; broken: boolean },
): Run {
  const { actions, risk, forcedDenial, changesSessionState, changesCatalogue } = context;
  return {
    analysis: {
      statements,
      actions,
      risk,
      fingerprint,
      forcedDenial,
      changesSessionState,
      changesCatalogue,
      ...(context.unknownName ? { unknownName: true as const } : {}),
      ...(context.atParse ? { atParse: true as const } : {}),
      ...(context.made.length === 0 ? {} : { made: context.made }),
    },
    parsed: state.parsed,
    broken: state.broken,
    cacheable: context.cacheable && state.parsed,
    binding: context.binding,
    constants,
    secrets: context.secrets,
  };
}

/** A piece of what is stored in the target: statements as parsed, or undefined where they cannot be. */
export interface StoredCode {
  readonly statements: readonly unknown[];
  /** Why some of it cannot be seen; null where all can. */
  readonly hidden: string | null;
}

/** What a stored body comes to: the same walk as over a command, where it stands in the target. */
export function runStored(
  code: StoredCode,
  { settings, catalogue }: { settings: SessionSettings; catalogue: CatalogueView },
  object: string,
): Effects {
  const prepared: PreparedNames = { define() {}, lookup: () => undefined };
  const resolver: ObjectResolver = { version: 0, ...pick(catalogue) };
  const { context, walk } = createWalk({ sql: '', settings, prepared, resolver, catalogue }, true);
  for (const statement of code.statements) walk(statement);
  if (code.hidden !== null) opaque(context, 'function', object);
  addAlternatives(context);
  const { actions, risk, riskRestricted, changesSessionState, changesCatalogue, forcedDenial } = context;
  const effects = { actions, risk, riskRestricted, changesSessionState, changesCatalogue, forcedDenial };
  return context.atParse ? atParse(effects) : effects;
}

const pick = (view: CatalogueView): Omit<ObjectResolver, 'version'> => ({
  relation: (schema, name, settings) => view.relation(schema, name, settings),
  other: (parts, settings) => view.other(parts, settings),
  alternatives: (name, settings) => view.alternatives(name, settings),
});

/** Temporary objects are nobody else's. */
function isOfSession(body: TreeNode): boolean {
  const range = nodeOf(body, 'relation') ?? nodeOf(body, 'view') ?? nodeOf(nodeOf(body, 'into'), 'rel');
  return isTemporary(range);
}

/** As the tree has it, marked or not: no other node has both. */
const isTypeName = (value: object): value is TreeNode =>
  'typemod' in value && 'names' in value && Array.isArray(value.names);

function createWalk(
  input: RunInput,
  stored = false,
): {
  context: Context;
  walk: (value: unknown) => void;
  constants: Set<number>;
} {
  const constants = new Set<number>();
  const alternatives = new Map<string, readonly string[]>();
  const context: Context = {
    settings: input.settings,
    resolver: noteAlternatives(input.resolver, alternatives),
    alternatives,
    deferred: false,
    prepared: input.prepared,
    catalogue: input.catalogue,
    made: [],
    stored,
    ctes: [],
    actions: [],
    risk: 'none',
    riskRestricted: 'none',
    forcedDenial: null,
    changesSessionState: false,
    changesCatalogue: false,
    unknownName: false,
    atParse: false,
    cacheable: true,
    binding: new Set(),
    secrets: [],
    statement: { start: 0, end: Number.MAX_SAFE_INTEGER },
    sourceWhole: true,
    depth: 0,
    nesting: stored ? 1 : 0,
    located: !stored,
    parseBody(sql) {
      if (context.nesting >= BODY_NESTING_MAX) return undefined;
      const body = parseSql(sql);
      return body.ok ? body.statements.map((raw) => raw.statement) : undefined;
    },
    merge: (actions, risk) => mergeActions(context, actions, risk),
  };
  const fields = (node: Readonly<Record<string, unknown>>): void => {
    for (const key in node) {
      const value = node[key];
      const first = key.charCodeAt(0);
      if (first >= 65 && first <= 90 && isNode(value)) visit(key, value);
      else if (typeof value === 'object' && value !== null) walk(value);
    }
  };
  const visit = (type: string, body: Readonly<Record<string, unknown>>): void => {
    if (type === 'A_Const') {
      if (context.located && typeof body['location'] === 'number') constants.add(body['location']);
      return;
    }
    if (SCHEMA_CHANGE.test(type)) {
      const before = context.changesCatalogue;
      runSchemaChange(context);
      if (isOfSession(body)) context.changesCatalogue = before;
    }
    const handler = HANDLERS.get(type);
    if (handler !== undefined) handler(context, body, walk);
    else if (PLAIN_NODES.has(type)) fields(body);
    else opaque(context, 'node', type);
  };
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (context.depth >= DEPTH_MAX) return opaque(context, 'statement', 'nested too deep');
    context.depth += 1;
    if (isTypeName(value)) runType(context, nameParts(value['names']));
    if (Array.isArray(value)) for (const item of value) walk(item);
    else fields(value as Readonly<Record<string, unknown>>);
    context.depth -= 1;
  };
  return { context, walk, constants };
}
