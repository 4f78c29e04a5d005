/** What is read whole: names. Definitions are read when something needs them. */
const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;

/** Objects that come with the server have lower numbers (FirstNormalObjectId). */
export const OWN_OIDS = 16_384;

/** `user`: whose privileges decide which schemas of a path count. */
export const skeletonSql = (user: string): readonly string[] => [
  `select n.oid, n.nspname, case when r.oid is null then 't' else pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')::text end
     from pg_catalog.pg_namespace n left join pg_catalog.pg_roles r on r.rolname = E${quoteLiteral(user)}
     where n.nspname !~ '^pg_(temp|toast_temp)_'`,
  `select c.oid, c.relnamespace, c.relname, c.relkind from pg_catalog.pg_class c
     where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't'`,
  `select p.oid, p.pronamespace, p.proname, p.prokind, p.pronargs, p.pronargdefaults, (p.provariadic <> 0)::text, l.lanname, p.provolatile,
       coalesce(e.extname, ''), coalesce(t.typtype, ''), p.prorettype, p.proargtypes::text,
       case when p.prokind = 'p' then coalesce(pg_catalog.array_length(p.proallargtypes, 1), p.pronargs) else p.pronargs end
     from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
       left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
       left join pg_catalog.pg_extension e on e.oid = d.refobjid
       left join pg_catalog.pg_type t on p.pronargs > 0 and t.oid = p.proargtypes[0]
     where p.oid >= ${OWN_OIDS} or l.lanname not in ('internal', 'c', 'sql')`,
  // PostgreSQL's own, and its types, whose names may be called as casts.
  `select pg_catalog.string_agg(distinct s.name, ' ') from (
     select p.proname::text name from pg_catalog.pg_proc p where p.oid < ${OWN_OIDS} and p.pronamespace = 'pg_catalog'::regnamespace
     union all select t.typname::text from pg_catalog.pg_type t where t.oid < ${OWN_OIDS} and t.typnamespace = 'pg_catalog'::regnamespace and t.typtype <> 'c'
   ) s where s.name !~ ' '`,
  `select a.aggfnoid::oid, concat_ws(' ', a.aggtransfn::oid, a.aggfinalfn::oid, a.aggcombinefn::oid, a.aggserialfn::oid, a.aggdeserialfn::oid,
       a.aggmtransfn::oid, a.aggminvtransfn::oid, a.aggmfinalfn::oid),
       concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn)
     from pg_catalog.pg_aggregate a where a.aggfnoid >= ${OWN_OIDS}`,
  `select o.oprnamespace, o.oprname, o.oprcode::oid, o.oprcode::text, o.oprrest::oid, o.oprjoin::oid, o.oid from pg_catalog.pg_operator o
     where o.oid >= ${OWN_OIDS} or o.oprcode >= ${OWN_OIDS}`,
  `select c.castsource, c.casttarget, c.castfunc::oid, c.castcontext, c.castfunc::regproc::text from pg_catalog.pg_cast c
     where c.oid >= ${OWN_OIDS} and c.castfunc <> 0`,
  // Of a range, what it is a range of, and what its bounds are compared and brought into form by.
  `select t.oid, t.typnamespace, t.typname, t.typtype,
       coalesce((select r.rngsubtype from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)), t.typbasetype), t.typarray,
       coalesce((select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint k
                  where k.contypid = t.oid and k.contype = 'c'), ''),
       concat_ws(' ',
         (select pg_catalog.string_agg(d.refobjid::text, ' ') from pg_catalog.pg_constraint k
            join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid = k.oid
            where k.contypid = t.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass),
         (select pg_catalog.string_agg(a.amproc::oid::text, ' ') from pg_catalog.pg_amproc a
            where a.amproclefttype = t.oid and a.amproc >= ${OWN_OIDS}),
         (select concat_ws(' ', r.rngcanonical::oid, r.rngsubdiff::oid,
              (select pg_catalog.string_agg(a.amproc::oid::text, ' ') from pg_catalog.pg_opclass o
                 join pg_catalog.pg_amproc a on a.amprocfamily = o.opcfamily where o.oid = r.rngsubopc and a.amproc >= ${OWN_OIDS}))
            from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid))), t.typrelid
     from pg_catalog.pg_type t
     where (t.oid >= ${OWN_OIDS} and t.typtype in ('d', 'b', 'r', 'm') and (t.typtype <> 'b' or t.typelem = 0))
       or (t.oid >= ${OWN_OIDS} and t.typtype = 'c' and exists (select from pg_catalog.pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
       or t.oid in (select castsource from pg_catalog.pg_cast where oid >= ${OWN_OIDS} union select casttarget from pg_catalog.pg_cast where oid >= ${OWN_OIDS}
                   union select amproclefttype from pg_catalog.pg_amproc where amproc >= ${OWN_OIDS})`,
  `select evtname, evtfoid, evtevent from pg_catalog.pg_event_trigger where evtenabled <> 'D'`,
  // What indexes and statistics call, and what operator classes bring.
  `select distinct case when d.refclassid = 'pg_catalog.pg_operator'::regclass then p.oprcode::oid else d.refobjid end
     from pg_catalog.pg_depend d left join pg_catalog.pg_operator p on d.refclassid = 'pg_catalog.pg_operator'::regclass and p.oid = d.refobjid
     where d.refobjid >= ${OWN_OIDS} and d.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
       and (d.classid = 'pg_catalog.pg_statistic_ext'::regclass
         or d.classid = 'pg_catalog.pg_class'::regclass and exists (select from pg_catalog.pg_index i where i.indexrelid = d.objid))
   union select amproc::oid from pg_catalog.pg_amproc where amproc >= ${OWN_OIDS}`,
];
