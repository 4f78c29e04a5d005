/**
 * One number per catalogue that changes when what names mean may have: cheap enough to ask every second. Columns that statistics,
 * vacuum or TRUNCATE change are left out; so are temporary objects.
 */

/** Rows whose table is temporary are a session's own. */
const ofTable = (table: string, column: string, hash: string): string =>
  `select '${table}' k, count(*) n, coalesce(sum(pg_catalog.hashtextextended(${hash}, 0)), 0) h from pg_catalog.${table} x ` +
  `left join pg_catalog.pg_class c on c.oid = x.${column} where coalesce(c.relpersistence, 'p') <> 't'`;

const ofRows = (table: string, hash: string, condition = 'true'): string =>
  `select '${table}' k, count(*) n, coalesce(sum(pg_catalog.hashtextextended(${hash}, 0)), 0) h from pg_catalog.${table} x where ${condition}`;

const BY_ROW = `x.oid::text || '.' || x.xmin::text`;

export const FINGERPRINT_SQL = [
  ofRows('pg_namespace', BY_ROW, `nspname !~ '^pg_(temp|toast_temp)_'`),
  ofRows(
    'pg_class',
    `concat_ws('.', oid, relname, relnamespace, relkind, relhasrules, relhastriggers, relrowsecurity, relforcerowsecurity, relispartition, relnatts, relchecks, relowner)`,
    `relpersistence <> 't' and relkind not in ('i', 'I', 't')`,
  ),
  ofRows('pg_proc', BY_ROW),
  ofRows('pg_operator', BY_ROW),
  ofRows('pg_cast', BY_ROW),
  ofRows('pg_aggregate', `x.aggfnoid::oid::text || '.' || x.xmin::text`),
  ofRows('pg_type', BY_ROW, `typtype in ('d', 'b', 'r', 'm') and typelem = 0`),
  ofRows('pg_event_trigger', BY_ROW),
  ofRows('pg_extension', BY_ROW),
  ofRows('pg_auth_members', `x.roleid::text || '.' || x.member::text || '.' || x.xmin::text`),
  ofRows('pg_amproc', BY_ROW),
  ofRows('pg_statistic_ext', BY_ROW),
  ofRows('pg_foreign_table', `x.ftrelid::text || '.' || x.xmin::text`),
  ofRows('pg_foreign_server', BY_ROW),
  ofTable('pg_rewrite', 'ev_class', BY_ROW),
  ofTable('pg_trigger', 'tgrelid', BY_ROW),
  ofTable('pg_attrdef', 'adrelid', BY_ROW),
  ofTable('pg_constraint', 'conrelid', BY_ROW),
  ofTable(
    'pg_index',
    'indrelid',
    `x.indexrelid::text || '.' || x.indclass::text || '.' || x.indisvalid::text`,
  ),
  ofTable('pg_policy', 'polrelid', BY_ROW),
  ofTable('pg_inherits', 'inhrelid', `x.inhrelid::text || '.' || x.inhparent::text`),
].join(' union all ');
