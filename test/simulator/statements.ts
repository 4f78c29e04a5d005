/** Statements as the analyser would report them: harmless work, and what an attacker does. */
import type { RequestInput } from '../../gateway/sessions/session.ts';
import type { Action, RiskClass } from '../../schemas/types.ts';

const action = (verb: string, object: string | null, objectKind = 'table'): Action => ({
  action: verb,
  objectKind,
  object,
  columns: [],
  whole: false,
});
const statement = (text: string, risk: RiskClass, actions: readonly Action[]): RequestInput => ({
  verb: 'query',
  text,
  fingerprint: text.slice(0, 16),
  actions,
  risk,
});

export const WORK: readonly RequestInput[] = [
  statement('select 1', 'none', []),
  statement('select * from public.orders where id = $1', 'low', [action('read', 'public.orders')]),
  statement('update public.orders set state = $1', 'low', [action('write', 'public.orders')]),
  statement('insert into public.log values ($1)', 'low', [action('write', 'public.log')]),
  statement('drop table public.staging', 'high', [action('drop', 'public.staging')]),
];

export const ATTACK: readonly RequestInput[] = [
  statement('select rolname, rolpassword from pg_authid', 'critical', [
    { ...action('read', 'pg_catalog.pg_authid'), columns: ['rolname', 'rolpassword'] },
  ]),
  statement('create role shadow superuser', 'critical', [
    action('create', 'shadow', 'role'),
    action('superuser', 'shadow', 'role'),
  ]),
  statement('copy public.customers to stdout', 'high', [action('export', 'public.customers')]),
  statement('drop table public.audit', 'high', [action('drop', 'public.audit')]),
  statement('grant pg_read_all_data to shadow', 'high', [action('grant', 'pg_read_all_data', 'role')]),
  statement('do $$ begin end $$', 'high', [action('opaque_code', null, 'code')]),
];
