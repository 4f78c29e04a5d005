/**
 * How many rows stand in what a command touches, for the person who is asked about it. Only counts that the target keeps anyway are read
 * (pg_class, statistics): nothing is planned, no relation is opened, no function of anybody runs, no lock is waited for. An estimate, and never part of a
 * decision; where nothing is known, nothing is said.
 */
import type { Action } from '../../../../schemas/types.ts';
import type { CatalogueLink } from './link.ts';
import type { Oid, Relation, Skeleton } from './skeleton.ts';

/** Tables and schemas that are spoken of. */
const LINES_MAX = 20;
/** Relations of all of them. */
const RELATIONS_MAX = 1000;
const NAME_CHARACTERS_MAX = 200;
/** Of pg_class.relkind: what holds rows here, or is made of such. */
const KINDS = 'rpm';
/** These leave nothing, whatever rows there are. */
const EVERYTHING: ReadonlySet<string> = new Set(['drop', 'truncate']);

/**
 * `oids`: numbers, separated by commas. With what inherits from each, partitions above all. Second column: some of it was never
 * analysed, and counts only by what was written since the statistics began.
 */
const rowsSql = (oids: string): string =>
  `with recursive parts(root, oid) as (
     select c.oid, c.oid from pg_catalog.pg_class c where c.oid in (${oids})
     union select p.root, i.inhrelid from parts p join pg_catalog.pg_inherits i on i.inhparent = p.oid)
   select p.root, pg_catalog.bool_or(c.reltuples < 0), pg_catalog.sum(greatest(c.reltuples::numeric, pg_catalog.pg_stat_get_live_tuples(c.oid)::numeric, 0::numeric))
     from parts p join pg_catalog.pg_class c on c.oid = p.oid and c.relkind in ('r', 'm') group by p.root`;

interface Subject {
  readonly name: string;
  readonly oids: readonly Oid[];
  whole: boolean;
}

function subjectsOf(actions: readonly Action[], { relations }: Skeleton): readonly Subject[] {
  const found = new Map<string, Subject>();
  let left = RELATIONS_MAX;
  for (const { action, objectKind, object, whole } of actions) {
    if (object === null || found.size >= LINES_MAX) continue;
    const all = whole || EVERYTHING.has(action);
    const known = found.get(object);
    if (known !== undefined) {
      known.whole ||= all;
      continue;
    }
    const meant = objectKind === 'schema' ? inSchema(relations, object) : (relations.get(object) ?? []);
    const oids = meant.filter(({ kind, system }) => KINDS.includes(kind) && !system).map(({ oid }) => oid);
    left -= oids.length;
    if (oids.length === 0 || left < 0) continue;
    found.set(object, { name: object, oids, whole: all });
  }
  return [...found.values()];
}

function inSchema(relations: Skeleton['relations'], name: string): readonly Relation[] {
  const found: Relation[] = [];
  for (const list of relations.values())
    for (const relation of list) {
      // Partitions are counted once, with their own names.
      if (relation.schema === name && relation.kind !== 'p') found.push(relation);
      if (found.length > RELATIONS_MAX) return [];
    }
  return found;
}

/** Two digits: it is an estimate. */
function rounded(rows: number): string {
  const digits = Math.max(0, Math.floor(Math.log10(Math.max(1, rows))) - 1);
  const step = rows < 1000 ? 1 : 10 ** digits;
  return (Math.round(rows / step) * step).toLocaleString('en-US');
}

function lineOf({ name, oids, whole }: Subject, rowsOf: ReadonlyMap<Oid, number>): string | undefined {
  let rows = 0;
  for (const oid of oids) {
    const some = rowsOf.get(oid);
    if (some === undefined) return undefined;
    rows += some;
  }
  const shown = name.length > NAME_CHARACTERS_MAX ? `${name.slice(0, NAME_CHARACTERS_MAX)}…` : name;
  const count = `about ${rounded(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  return whole ? `${shown}: all of ${count}` : `${shown}: some of ${count}`;
}

/** One line for each table or schema that something is known of. */
export async function estimateRows(
  link: Pick<CatalogueLink, 'run'>,
  skeleton: Skeleton,
  actions: readonly Action[],
): Promise<readonly string[]> {
  const subjects = subjectsOf(actions, skeleton);
  const oids = [...new Set(subjects.flatMap((subject) => subject.oids))];
  if (oids.length === 0) return [];
  const answer = await link.run([rowsSql(oids.join(','))]);
  if (!answer.ok) return [];
  const rowsOf = new Map<Oid, number>();
  for (const [root, neverCounted, text] of answer.results[0] ?? []) {
    const rows = Math.round(Number(text));
    // Nobody has counted, and no statistics either: it may be empty, or anything.
    if (Number.isFinite(rows) && (rows > 0 || neverCounted === 'f')) rowsOf.set(Number(root), rows);
  }
  return subjects.map((subject) => lineOf(subject, rowsOf)).filter((line) => line !== undefined);
}
