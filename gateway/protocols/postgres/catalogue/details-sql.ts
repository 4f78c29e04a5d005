/** Definitions of the relations and functions that something needs. Every text comes with all names qualified (empty search_path). */
import { OWN_OIDS } from './skeleton-sql.ts';

const PROC = `'pg_catalog.pg_proc'::regclass`;
const OPERATOR = `'pg_catalog.pg_operator'::regclass`;

/** Functions and operators that stored expressions use without naming them (casts, operators): by their dependencies. */
const dependencies = (oids: string): string =>
  `select o.rel, o.kind, d.refclassid = ${OPERATOR}, d.refobjid from (
     select ev_class rel, 'rewrite' kind, 'pg_catalog.pg_rewrite'::regclass cls, oid from pg_catalog.pg_rewrite where ev_class in (${oids})
     union all select adrelid, 'default', 'pg_catalog.pg_attrdef'::regclass, oid from pg_catalog.pg_attrdef where adrelid in (${oids})
     union all select conrelid, 'check', 'pg_catalog.pg_constraint'::regclass, oid from pg_catalog.pg_constraint where conrelid in (${oids})
     union all select indrelid, 'index', 'pg_catalog.pg_class'::regclass, indexrelid from pg_catalog.pg_index where indrelid in (${oids})
     union all select polrelid, 'policy', 'pg_catalog.pg_policy'::regclass, oid from pg_catalog.pg_policy where polrelid in (${oids})
     union all select stxrelid, 'statistics', 'pg_catalog.pg_statistic_ext'::regclass, oid from pg_catalog.pg_statistic_ext where stxrelid in (${oids})
     union all select partrelid, 'check', 'pg_catalog.pg_class'::regclass, partrelid from pg_catalog.pg_partitioned_table where partrelid in (${oids})
   ) o join pg_catalog.pg_depend d on d.classid = o.cls and d.objid = o.oid
   where d.refclassid in (${PROC}, ${OPERATOR}) and d.refobjid >= ${OWN_OIDS}`;

/** `oids`: numbers, separated by commas. What is switched off counts, too: the same transaction may switch it on. */
export const relationSql = (oids: string): readonly string[] => [
  `select c.oid, pg_catalog.pg_get_viewdef(c.oid) from pg_catalog.pg_class c where c.oid in (${oids}) and c.relkind in ('v', 'm')`,
  `select ev_class, ev_type, pg_catalog.pg_get_ruledef(oid) from pg_catalog.pg_rewrite
     where ev_class in (${oids}) and rulename <> '_RETURN'`,
  `select tgrelid, tgtype, tgfoid, case when tgqual is null then '' else pg_catalog.pg_get_triggerdef(oid) end from pg_catalog.pg_trigger
     where tgrelid in (${oids}) and not tgisinternal`,
  `select d.adrelid, a.attgenerated, pg_catalog.pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d
     join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid in (${oids})`,
  `select conrelid, pg_catalog.pg_get_expr(conbin, conrelid) from pg_catalog.pg_constraint
     where conrelid in (${oids}) and contype = 'c' and conbin is not null`,
  `select indrelid, pg_catalog.pg_get_indexdef(indexrelid) from pg_catalog.pg_index
     where indrelid in (${oids}) and (indexprs is not null or indpred is not null)`,
  `select i.indrelid, p.amproc::oid from pg_catalog.pg_index i cross join lateral pg_catalog.unnest(i.indclass) k(opc)
     join pg_catalog.pg_opclass o on o.oid = k.opc join pg_catalog.pg_amproc p on p.amprocfamily = o.opcfamily
     where i.indrelid in (${oids}) and p.amproc >= ${OWN_OIDS}`,
  `select polrelid, polcmd, coalesce(pg_catalog.pg_get_expr(polqual, polrelid), ''), coalesce(pg_catalog.pg_get_expr(polwithcheck, polrelid), '')
     from pg_catalog.pg_policy where polrelid in (${oids})`,
  `select i.inhparent, n.nspname, c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace where i.inhparent in (${oids})`,
  `select k.confrelid, n.nspname, c.relname, k.confdeltype, k.confupdtype from pg_catalog.pg_constraint k
     join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where k.confrelid in (${oids}) and k.contype = 'f' and k.conparentid = 0`,
  `select f.ftrelid, w.fdwname, coalesce(pg_catalog.array_to_string(f.ftoptions, pg_catalog.chr(10)), '') from pg_catalog.pg_foreign_table f
     join pg_catalog.pg_foreign_server s on s.oid = f.ftserver join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
     where f.ftrelid in (${oids})`,
  `select distinct a.attrelid, a.atttypid from pg_catalog.pg_attribute a
     where a.attrelid in (${oids}) and a.attnum > 0 and not a.attisdropped`,
  `select partrelid, pg_catalog.pg_get_partkeydef(partrelid) from pg_catalog.pg_partitioned_table
     where partrelid in (${oids}) and partexprs is not null`,
  `select s.stxrelid, e.expression from pg_catalog.pg_statistic_ext s
     cross join lateral pg_catalog.unnest(pg_catalog.pg_get_statisticsobjdef_expressions(s.oid)) e(expression)
     where s.stxrelid in (${oids}) and s.stxexprs is not null`,
  dependencies(oids),
];

export const functionSql = (oids: string): readonly string[] => [
  `select p.oid, p.prosrc, coalesce(pg_catalog.array_to_string(p.proconfig, pg_catalog.chr(10)), ''),
       case when p.prokind in ('f', 'p') and l.lanname in ('sql', 'plpgsql') then pg_catalog.pg_get_functiondef(p.oid) else '' end,
       coalesce((select pg_catalog.string_agg(distinct b.proname, ' ') from pg_catalog.pg_proc b
                  where b.oid < ${OWN_OIDS} and b.prosrc = p.prosrc and l.lanname = 'internal'), ''),
       coalesce((select pg_catalog.string_agg(d.refobjid::text, ' ') from pg_catalog.pg_depend d
                  where d.classid = ${PROC} and d.objid = p.oid and d.refclassid = ${PROC} and d.refobjid >= ${OWN_OIDS}), '')
     from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang where p.oid in (${oids})`,
];

/** The function of an object id, for those who call it by that. */
export const namedSql = (oid: number): string =>
  `select n.nspname, p.proname, p.pronargs from pg_catalog.pg_proc p
     join pg_catalog.pg_namespace n on n.oid = p.pronamespace where p.oid = ${oid}`;
