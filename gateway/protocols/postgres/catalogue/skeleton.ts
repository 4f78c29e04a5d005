/** All names of one database, by which commands are resolved. */
import type { Rows } from './link.ts';

export type Oid = number;

export interface Relation {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** pg_class.relkind: r, p, v, m, f or S. */
  readonly kind: string;
  /** Comes with the server. */
  readonly system: boolean;
}

export interface Routine {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly leastArguments: number;
  readonly mostArguments: number;
  readonly language: string;
  readonly volatile: boolean;
  /** Name of the extension it came with, else empty. */
  readonly extension: string;
  /** Takes a row as its only argument: `row.name` calls it. */
  readonly ofRow: boolean;
  readonly types: readonly Oid[];
}

export interface Operator {
  readonly schema: string;
  readonly name: string;
  /** Function and those that the planner asks; by number, and the first by name. */
  readonly functions: readonly Oid[];
  readonly functionName: string;
}

export interface Cast {
  readonly source: Oid;
  readonly target: Oid;
  readonly function: Oid;
  /** i: anywhere, a: on assignment, e: where it is written. */
  readonly context: string;
  readonly functionName: string;
}

export interface UserType {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly base: Oid;
  /** The type of arrays of it; 0 where there is none. */
  readonly array: Oid;
  /** Conditions of a domain, as text. */
  readonly check: string;
  readonly functions: readonly Oid[];
  /** Where its fields stand, if it has any; else 0. */
  readonly relation: Oid;
}

export interface Skeleton {
  /** Schemas, and whether the session's user may look into them. */
  readonly schemas: ReadonlyMap<string, boolean>;
  readonly relations: ReadonlyMap<string, readonly Relation[]>;
  /** By name without schema. */
  readonly relationsByName: ReadonlyMap<string, readonly Relation[]>;
  readonly routines: ReadonlyMap<Oid, Routine>;
  readonly routinesByName: ReadonlyMap<string, readonly Routine[]>;
  readonly builtIn: ReadonlySet<string>;
  readonly aggregates: ReadonlyMap<
    Oid,
    { readonly functions: readonly Oid[]; readonly names: readonly string[] }
  >;
  readonly operators: ReadonlyMap<string, readonly Operator[]>;
  readonly operatorFunctions: ReadonlyMap<Oid, readonly Oid[]>;
  readonly casts: readonly Cast[];
  readonly types: ReadonlyMap<Oid, UserType>;
  readonly typesByName: ReadonlyMap<string, readonly UserType[]>;
  /** Functions that indexes, statistics and operator classes use. */
  readonly maintenance: readonly Oid[];
  readonly eventTriggers: readonly { readonly function: Oid; readonly event: string }[];
}

export const FIRST_USER_OID = 16_384;
export const numbers = (text: string): readonly Oid[] =>
  text === '' ? [] : text.split(' ').map(Number).filter(Boolean);

function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    const known = found.get(key);
    if (known === undefined) found.set(key, [item]);
    else known.push(item);
  }
  return found;
}

/** Rows of `skeletonSql`, in its order. */
export function readSkeleton(results: readonly Rows[]): Skeleton {
  const [schemas = [], relations = [], routines = [], builtIn = [], aggregates = []] = results;
  const [, , , , , operators = [], casts = [], types = [], eventTriggers = [], maintenance = []] = results;
  const schemaName = new Map(schemas.map(([oid, name]) => [oid!, name!]));
  const inSchema = (oid: string | undefined): string => schemaName.get(oid ?? '') ?? '?';
  const relationList = relations
    .filter(([, schema]) => schemaName.has(schema!))
    .map(([oid, schema, name, kind]) => ({
      oid: Number(oid),
      schema: inSchema(schema),
      name: name!,
      kind: kind!,
      system: Number(oid) < FIRST_USER_OID,
    }));
  const routineList = routines.filter(([, schema]) => schemaName.has(schema!)).map(routineOf(inSchema));
  const operatorList = operators.map(([schema, name, code, codeName, rest, join]) => ({
    schema: inSchema(schema),
    name: name!,
    functions: [Number(code), Number(rest), Number(join)].filter((oid) => oid >= FIRST_USER_OID),
    functionName: codeName!,
  }));
  const typeList = types.map(typeOf(inSchema));
  return {
    schemas: new Map(schemas.map(([, name, usage]) => [name!, usage === 'true' || usage === 't'])),
    relations: groupBy(relationList, ({ schema, name }) => `${schema}.${name}`),
    relationsByName: groupBy(relationList, ({ name }) => name),
    routines: new Map(routineList.map((one) => [one.oid, one])),
    routinesByName: groupBy(routineList, ({ name }) => name),
    builtIn: new Set((builtIn[0]?.[0] ?? '').split(' ')),
    aggregates: new Map(
      aggregates.map(([oid, functions, names]) => [
        Number(oid),
        {
          functions: numbers(functions!).filter((one) => one >= FIRST_USER_OID),
          names: names!.split(' ').filter((name) => name !== '-' && name !== ''),
        },
      ]),
    ),
    operators: groupBy(operatorList, ({ name }) => name),
    operatorFunctions: new Map(
      operators.map(([, , code, , , , oid]) => [
        Number(oid),
        Number(code) >= FIRST_USER_OID ? [Number(code)] : [],
      ]),
    ),
    casts: casts.map(([source, target, called, context, functionName]) => ({
      source: Number(source),
      target: Number(target),
      function: Number(called),
      context: context!,
      functionName: functionName!,
    })),
    types: new Map(
      typeList.flatMap((one) => [
        [one.oid, one] as const,
        ...(one.array === 0 ? [] : [[one.array, { ...one, oid: one.array, base: one.oid }] as const]),
      ]),
    ),
    typesByName: groupBy(typeList, ({ name }) => name),
    maintenance: maintenance.map(([oid]) => Number(oid)),
    eventTriggers: eventTriggers.map(([, called, event]) => ({ function: Number(called), event: event! })),
  };
}

/** Composite types, and those that stand for any. */
const ROW_TYPES = new Set(['c', 'p', 'd']);

const routineOf =
  (inSchema: (oid: string | undefined) => string) =>
  (row: readonly string[]): Routine => {
    const [oid, schema, name, kind, count, defaults, variadic, language, volatility, extension, first] = row;
    const most = Number(count);
    return {
      oid: Number(oid),
      schema: inSchema(schema),
      name: name!,
      kind: kind!,
      leastArguments: most - Number(defaults) - (variadic === 'true' ? 1 : 0),
      // CALL names what a procedure gives back, too.
      mostArguments: variadic === 'true' ? Number.POSITIVE_INFINITY : Number(row[13] ?? most),
      language: language!,
      volatile: volatility === 'v',
      extension: extension!,
      ofRow: most - Number(defaults) <= 1 && ROW_TYPES.has(first!),
      types: [Number(row[11]), ...numbers(row[12] ?? '')],
    };
  };

const typeOf =
  (inSchema: (oid: string | undefined) => string) =>
  ([oid, schema, name, kind, base, array, check, functions, relation]: readonly string[]): UserType => ({
    oid: Number(oid),
    schema: inSchema(schema),
    name: name!,
    kind: kind!,
    base: Number(base),
    array: Number(array),
    check: check!,
    functions: numbers(functions!),
    relation: Number(relation),
  });
