/** What the store asks, one round trip each. Every read also tells the last revision. */
import { LAYOUT_VERSION } from './layout.ts';
import type { Statement } from './statement.ts';

export interface Statements {
  readonly one: Statement;
  readonly many: Statement;
  readonly list: Statement;
  /** Entries and lists of one turn together. */
  readonly mixed: Statement;
  readonly state: Statement;
  readonly outbox: Statement;
  readonly acknowledge: Statement;
  readonly commit: Statement;
  /** For a transaction that waits for no disk. */
  readonly quickCommit: Statement;
  readonly unchanged: Statement;
  readonly resolve: Statement;
  /** Whether nobody holds this advisory lock. */
  readonly free: Statement;
}

const placeholders = (types: readonly string[]): string =>
  types.map((type, index) => `$${index + 1}::${type}`).join(', ');
const SEEN = ['text[]', 'bytea[]', 'bigint[]', 'text[]', 'bigint[]'];

export function statementsOf(schema: string): Statements {
  const s = `"${schema}"`;
  const named = (name: string, text: string): Statement => ({
    // Parsed once for each connection; another layout is another statement.
    name: `countersign_${LAYOUT_VERSION}_${name}`,
    text,
  });
  const quickly = (name: string, text: string): Statement => ({ ...named(name, text), quick: true });
  const taken = ['text', 'bigint', 'bigint', 'boolean', 'bigint', ...SEEN, 'text[]', 'bytea[]', 'text[]'];
  const commit = named(
    'commit',
    `select outcome, last from ${s}.commit(${placeholders([...taken, 'text[]', 'bytea[]', 'bytea[]'])})`,
  );
  return {
    one: quickly(
      'one',
      `select state.revision, e.value, e.revision from ${s}.state
         left join ${s}.entries e on e.collection = $1::text and e.id = $2::bytea where state.one`,
    ),
    many: quickly(
      'many',
      `select state.revision, e.value, e.revision from ${s}.state
         cross join unnest($1::text[], $2::bytea[]) with ordinality as asked (collection, id, number)
         left join ${s}.entries e on e.collection = asked.collection and e.id = asked.id
         where state.one order by asked.number`,
    ),
    list: named(
      'list',
      `select state.revision, page.id, page.value, page.revision from ${s}.state left join lateral (
         select id, value, revision from ${s}.entries
           where collection = $1::text and id >= $2::bytea and id > $3::bytea and id < $4::bytea
           order by id limit $5::bigint) page on true where state.one order by page.id`,
    ),
    mixed: named(
      'mixed',
      `select state.revision, found.place, found.id, found.value, found.revision from ${s}.state cross join (
         select asked.place, null::bytea as id, e.value, e.revision
           from unnest($1::text[], $2::bytea[]) with ordinality as asked (collection, id, place)
           left join ${s}.entries e on e.collection = asked.collection and e.id = asked.id
         union all
         select -asked.place, page.id, page.value, page.revision
           from unnest($3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[])
             with ordinality as asked (collection, first, after, before, most, place)
           left join lateral (select id, value, revision from ${s}.entries e
             where e.collection = asked.collection and e.id >= asked.first and e.id > asked.after and e.id < asked.before
             order by id limit asked.most) page on true) found
         where state.one order by found.place, found.id`,
    ),
    state: quickly('state', `select revision, published from ${s}.state where one`),
    outbox: named(
      'outbox',
      // Beyond what is relayed: the index still holds what was deleted there.
      `select sequence, topic, key, value from ${s}.outbox
         where sequence > (select sequence from ${s}.relayed where one) order by sequence limit $1::bigint`,
    ),
    acknowledge: named(
      'acknowledge',
      // Not worth a flush: what a power cut takes back is delivered twice.
      `with unflushed as materialized (select set_config('synchronous_commit', 'off', true)),
         gone as (delete from ${s}.outbox
           where sequence > (select sequence from ${s}.relayed where one) and sequence <= $1::bigint)
         update ${s}.relayed set sequence = greatest(sequence, least($1::bigint, (select published from ${s}.state where one)))
           from unflushed where one`,
    ),
    commit,
    quickCommit: { ...commit, quick: true },
    unchanged: named(
      'unchanged',
      `select ${s}.unchanged(${placeholders(SEEN)}), revision from ${s}.state where one`,
    ),
    free: quickly('free', 'select pg_try_advisory_xact_lock_shared($1::bigint)'),
    resolve: quickly('resolve', `select ${s}.resolve($1::text, $2::bigint)`),
  };
}
