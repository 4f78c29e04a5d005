/**
 * The vocabulary: every action that the analysis gives, and its risk class. The part before the dot is the action's name in
 * the event (schemas/avro/session-event.avsc), the part behind it only chooses the risk.
 */
import type { ActionRow } from '../../../policy/risk.ts';

export const ACTIONS = {
  read: { risk: 'low', means: 'rows read, restricted by a condition or a limit' },
  'read.whole': { risk: 'medium', means: 'rows read with nothing that restricts them' },
  'read.catalogue': { risk: 'low', means: 'pg_catalog or information_schema read' },
  'read.credentials': { risk: 'critical', means: 'a relation that holds credentials read' },
  'read.samples': { risk: 'high', means: "values of any table read: the planner's samples, large objects" },
  'read.large_object': { risk: 'medium', means: 'a large object read' },
  'read.file': { risk: 'critical', means: "a file of the server's machine read" },
  write: { risk: 'low', means: 'rows inserted, updated or merged; large objects written' },
  'write.whole': { risk: 'high', means: 'every row of a table updated' },
  'write.catalogue': { risk: 'critical', means: 'the catalogue written by hand' },
  'write.file': { risk: 'critical', means: "a file of the server's machine written" },
  delete: { risk: 'medium', means: 'rows deleted under a condition' },
  'delete.whole': { risk: 'high', means: 'every row of a table deleted' },
  truncate: { risk: 'high', means: 'a table emptied' },
  drop: { risk: 'high', means: 'an object removed' },
  'drop.temporary': { risk: 'low', means: 'an object of the session removed' },
  'drop.critical': { risk: 'critical', means: 'a database, schema, role or everything of an owner removed' },
  create: { risk: 'medium', means: 'an object made' },
  'create.temporary': { risk: 'low', means: 'an object of the session made' },
  'create.code': {
    risk: 'high',
    means: 'code that runs later: extension, language, trigger, rule, cast, operator',
  },
  'create.access': {
    risk: 'high',
    means: 'a way out or in: server, user mapping, subscription, publication',
  },
  alter: { risk: 'medium', means: 'an object changed' },
  'alter.high': { risk: 'high', means: 'owner, row security, trigger state or access of an object changed' },
  grant: { risk: 'high', means: 'a privilege or membership given' },
  revoke: { risk: 'medium', means: 'a privilege or membership taken' },
  role_change: { risk: 'high', means: 'a role made, changed or taken on' },
  'role_change.critical': {
    risk: 'critical',
    means: 'a role with superuser, createrole, bypassrls or replication',
  },
  export: { risk: 'medium', means: 'rows copied out under a condition' },
  'export.whole': { risk: 'high', means: 'a whole table copied out' },
  'export.server': { risk: 'critical', means: "rows copied to a file or program on the server's machine" },
  import: { risk: 'medium', means: 'rows copied in from the client' },
  'import.server': { risk: 'critical', means: "rows copied from a file or program on the server's machine" },
  execute: { risk: 'medium', means: 'a function or procedure called that is not a known harmless one' },
  'execute.high': { risk: 'high', means: 'a function that touches other sessions or leaves the server' },
  'execute.critical': { risk: 'critical', means: 'a program run on the server, or code loaded into it' },
  set: { risk: 'low', means: 'a setting of the session changed' },
  'set.high': { risk: 'high', means: 'a setting that changes what is trusted, checked or logged' },
  lock: { risk: 'medium', means: 'a table locked by hand' },
  transaction: { risk: 'none', means: 'transaction control' },
  session: {
    risk: 'none',
    means: 'cursor, notification, prepared statement or setting looked at; nothing changes',
  },
  maintain: { risk: 'low', means: 'vacuum, analyse, reindex, cluster, checkpoint' },
  admin: { risk: 'high', means: "the server's own state or configuration" },
  'admin.critical': { risk: 'critical', means: 'configuration of the whole server written' },
  replication: { risk: 'critical', means: 'replication started, or its slots used' },
  opaque_code: { risk: 'high', means: 'code that the gateway cannot see into' },
} as const satisfies Readonly<Record<string, ActionRow>>;

export type ActionKind = keyof typeof ACTIONS;
