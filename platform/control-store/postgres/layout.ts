import { sha256 } from '../../digest/sha256.ts';

/**
 * Tables and functions, made at the first start. All that a transaction writes goes through one function, `commit`: one round trip,
 * and the lock that puts commits in order (the row of `state`) is held only while it runs, never while a client thinks.
 *
 *   entries      the store itself                 collections  revision of the last write in each collection
 *   state        one row: last revision, last sequence of the outbox
 *   outbox       what waits for the event log     relayed      one row: up to where the log has it
 *   writers      last commit of each lane of each process: tells what became of a commit whose answer was lost
 */

export const LAYOUT_VERSION = 1;

/** Channel of NOTIFY (at most 63 bytes). */
export const channelOf = (schema: string): string => `countersign/${schema}`;

/** Key of the advisory lock that lets one process at a time lay out a schema. */
export const layoutLock = (schema: string): bigint =>
  sha256(`countersign control store ${schema}`).readBigInt64LE();

/** `schema` is checked by the configuration: [a-z0-9_]. */
export const layoutOf = (schema: string): string => {
  const s = `"${schema}"`;
  return `
create table ${s}.layout (version integer not null);
insert into ${s}.layout values (${LAYOUT_VERSION});

create table ${s}.state (
  one boolean primary key check (one), revision bigint not null, published bigint not null
) with (fillfactor = 10);
insert into ${s}.state values (true, 0, 0);

create table ${s}.entries (
  collection text collate "C" not null, id bytea not null, value text not null, revision bigint not null,
  primary key (collection, id));

create table ${s}.collections (
  collection text collate "C" primary key, revision bigint not null) with (fillfactor = 50);

create table ${s}.outbox (
  sequence bigint primary key, topic text not null, key bytea not null, value bytea
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table ${s}.relayed (one boolean primary key check (one), sequence bigint not null) with (fillfactor = 10);
insert into ${s}.relayed values (true, 0);

create table ${s}.writers (
  writer text collate "C" primary key, sequence bigint not null, revision bigint, at timestamptz not null default now()
) with (fillfactor = 50);

-- Is all that was read still so? Revision 0 stands for an entry that was not there.
create function ${s}.unchanged(
  entry_collections text[], entry_ids bytea[], entry_revisions bigint[], list_collections text[], list_revisions bigint[]
) returns boolean language plpgsql stable as $$
begin
  if cardinality(entry_collections) > 0 and exists (
    select from unnest(entry_collections, entry_ids, entry_revisions) as seen (collection, id, revision)
      left join ${s}.entries e on e.collection = seen.collection and e.id = seen.id
      where coalesce(e.revision, 0) <> seen.revision)
  then return false; end if;
  if cardinality(list_collections) > 0 and exists (
    select from unnest(list_collections, list_revisions) as seen (collection, revision)
      join ${s}.collections c on c.collection = seen.collection
      where c.revision > seen.revision)
  then return false; end if;
  return true;
end $$;

-- Answers: committed, conflict, outbox_full, fenced; and the last revision.
create function ${s}.commit(
  p_writer text, p_sequence bigint, p_expected bigint, p_flush boolean, p_outbox_max bigint,
  entry_collections text[], entry_ids bytea[], entry_revisions bigint[], list_collections text[], list_revisions bigint[],
  put_collections text[], put_ids bytea[], put_values text[],
  topics text[], keys bytea[], contents bytea[], out outcome text, out last bigint
) language plpgsql as $$
declare
  v_published bigint;
begin
  -- Each statement from here on sees all commits before this one.
  select revision, published into last, v_published from ${s}.state where one for update;
  outcome := 'committed';
  if p_expected is not null and p_expected <> last then outcome := 'conflict';
  elsif not ${s}.unchanged(entry_collections, entry_ids, entry_revisions, list_collections, list_revisions) then
    outcome := 'conflict';
  elsif cardinality(topics) > 0
    and v_published + cardinality(topics) - (select sequence from ${s}.relayed where one) > p_outbox_max then
    outcome := 'outbox_full';
  else
    insert into ${s}.writers as w values (p_writer, p_sequence, last + 1, now())
      on conflict (writer) do update set sequence = p_sequence, revision = excluded.revision, at = excluded.at
      where w.sequence < p_sequence;
    if not found then outcome := 'fenced'; end if;
  end if;
  -- Nothing was written that is worth a flush.
  if not p_flush or outcome <> 'committed' then perform set_config('synchronous_commit', 'off', true); end if;
  if outcome <> 'committed' then return; end if;
  last := last + 1;
  if cardinality(put_collections) > 0 then
    insert into ${s}.entries
      select put.collection, put.id, put.value, last
        from unnest(put_collections, put_ids, put_values) as put (collection, id, value) where put.value is not null
      on conflict (collection, id) do update set value = excluded.value, revision = excluded.revision;
    if array_position(put_values, null) is not null then
      delete from ${s}.entries e using unnest(put_collections, put_ids, put_values) as put (collection, id, value)
        where put.value is null and e.collection = put.collection and e.id = put.id;
    end if;
    insert into ${s}.collections select distinct put, last from unnest(put_collections) as put
      on conflict (collection) do update set revision = excluded.revision;
  end if;
  if cardinality(topics) > 0 then
    insert into ${s}.outbox
      select v_published + item.number, item.topic, item.key, item.content
        from unnest(topics, keys, contents) with ordinality as item (topic, key, content, number);
    perform pg_notify('${channelOf(schema)}', '');
  end if;
  update ${s}.state set revision = last, published = v_published + cardinality(topics) where one;
end $$;

-- What became of a commit: its revision, or null where it never was; then it never will be, wherever it may still be on its way.
create function ${s}.resolve(p_writer text, p_sequence bigint) returns bigint language plpgsql as $$
declare
  v_revision bigint;
begin
  insert into ${s}.writers as w values (p_writer, p_sequence, null, now())
    on conflict (writer) do update set sequence = p_sequence, revision = null, at = excluded.at
    where w.sequence < p_sequence;
  select revision into v_revision from ${s}.writers where writer = p_writer;
  return v_revision;
end $$;
`;
};
