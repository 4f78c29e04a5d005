/** Definitions as read: what stands behind one relation, and behind one function. */
import { numbers, type Oid } from './skeleton.ts';
import type { Rows } from './link.ts';

export interface Trigger {
  /** pg_trigger.tgtype. */
  readonly type: number;
  readonly function: Oid;
  /** Text of CREATE TRIGGER where it has a condition, else empty. */
  readonly text: string;
}

export interface RelationDetails {
  view: string | null;
  /** pg_rewrite.ev_type: 1 select, 2 update, 3 insert, 4 delete. */
  readonly rules: { readonly event: number; readonly text: string }[];
  readonly triggers: Trigger[];
  readonly defaults: { readonly generated: string; readonly text: string }[];
  readonly checks: string[];
  readonly indexes: string[];
  /** Expressions of extended statistics. */
  readonly statistics: string[];
  readonly indexFunctions: Oid[];
  readonly policies: { readonly command: string; readonly using: string; readonly check: string }[];
  /** Qualified names of what inherits from it. */
  readonly children: string[];
  /** Tables whose foreign keys name it. */
  readonly referring: { readonly name: string; readonly onDelete: string; readonly onUpdate: string }[];
  foreign: { readonly wrapper: string; readonly options: string } | null;
  readonly types: Oid[];
  partitionKey: string | null;
  /** Functions and operators that its expressions use, by what uses them. */
  readonly uses: { readonly by: string; readonly operator: boolean; readonly oid: Oid }[];
}

export interface FunctionDetails {
  readonly source: string;
  /** Settings of its own, a line each. */
  readonly settings: string;
  /** CREATE FUNCTION, where the language is one that can be read. */
  readonly text: string;
  /** PostgreSQL's own functions with the same code. */
  readonly sameAs: readonly string[];
  readonly uses: readonly Oid[];
}

const nothing = (): RelationDetails => ({
  view: null,
  rules: [],
  triggers: [],
  defaults: [],
  checks: [],
  indexes: [],
  statistics: [],
  indexFunctions: [],
  policies: [],
  children: [],
  referring: [],
  foreign: null,
  types: [],
  partitionKey: null,
  uses: [],
});

type Take = (details: RelationDetails, row: readonly string[]) => void;

/** What each result of `relationSql` adds, in its order; the first column is the relation. */
const TAKES: readonly Take[] = [
  (details, [, text]) => (details.view = text!),
  (details, [, event, text]) => details.rules.push({ event: Number(event), text: text! }),
  (details, [, type, called, text]) =>
    details.triggers.push({ type: Number(type), function: Number(called), text: text! }),
  (details, [, generated, text]) => details.defaults.push({ generated: generated!, text: text! }),
  (details, [, text]) => details.checks.push(text!),
  (details, [, text]) => details.indexes.push(text!),
  (details, [, called]) => details.indexFunctions.push(Number(called)),
  (details, [, command, using, check]) =>
    details.policies.push({ command: command!, using: using!, check: check! }),
  (details, [, schema, name]) => details.children.push(`${schema}.${name}`),
  (details, [, schema, name, onDelete, onUpdate]) =>
    details.referring.push({ name: `${schema}.${name}`, onDelete: onDelete!, onUpdate: onUpdate! }),
  (details, [, wrapper, options]) => (details.foreign = { wrapper: wrapper!, options: options! }),
  (details, [, type]) => details.types.push(Number(type)),
  (details, [, text]) => (details.partitionKey = text!),
  (details, [, text]) => details.statistics.push(text!),
  (details, [, by, operator, oid]) =>
    details.uses.push({ by: by!, operator: operator === 't', oid: Number(oid) }),
];

/** Every relation that was asked for has details then, also where it is gone meanwhile. */
export function readRelationDetails(
  oids: readonly Oid[],
  results: readonly Rows[],
): ReadonlyMap<Oid, RelationDetails> {
  const found = new Map(oids.map((oid) => [oid, nothing()]));
  TAKES.forEach((take, index) => {
    for (const row of results[index] ?? []) {
      const details = found.get(Number(row[0]));
      if (details !== undefined) take(details, row);
    }
  });
  return found;
}

export function readFunctionDetails(results: readonly Rows[]): ReadonlyMap<Oid, FunctionDetails> {
  return new Map(
    (results[0] ?? []).map(([oid, source, settings, text, sameAs, uses]) => [
      Number(oid),
      {
        source: source!,
        settings: settings!,
        text: text!,
        sameAs: sameAs === '' ? [] : sameAs!.split(' '),
        uses: numbers(uses!),
      },
    ]),
  );
}
