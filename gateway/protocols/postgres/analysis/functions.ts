/** Functions worth naming: what a call of each does, whatever schema it is called in. */
import type { ActionKind } from './actions.ts';

export interface FunctionEffect {
  readonly kind: ActionKind;
  readonly objectKind: string;
  /** Argument that names the object, from 0; the function's name where absent or not constant. */
  readonly argument?: number;
  /** Runs SQL that it is given: analysed where that is constant, else opaque. */
  readonly runsArgument?: number;
  /** The same for the name of a type: what its values run. */
  readonly runsType?: boolean;
  /** Reads the whole relation that the argument names; opaque where it is no plain name. */
  readonly readsArgument?: boolean;
  /** Takes connection strings or passwords: the string literals of its arguments are lifted. */
  readonly secret?: boolean;
}

function rows(names: string, effect: FunctionEffect): [string, FunctionEffect][] {
  return names.split(' ').map((name) => [name, effect]);
}

export const FUNCTION_EFFECTS: ReadonlyMap<string, FunctionEffect> = new Map<string, FunctionEffect>([
  ...rows(
    'pg_read_file pg_read_binary_file pg_read_file_old pg_file_read pg_stat_file pg_logfile_rotate pg_file_length',
    {
      kind: 'read.file',
      objectKind: 'file',
      argument: 0,
    },
  ),
  ...rows(
    'pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir pg_logdir_ls pg_current_logfile',
    { kind: 'read.file', objectKind: 'directory', argument: 0 },
  ),
  ...rows('pg_file_write pg_file_rename pg_file_unlink pg_file_sync', {
    kind: 'write.file',
    objectKind: 'file',
    argument: 0,
  }),
  ...rows('lo_export', { kind: 'write.file', objectKind: 'file', argument: 1 }),
  ...rows('lo_import', { kind: 'read.file', objectKind: 'file', argument: 0 }),
  ...rows('lo_get loread lo_open', { kind: 'read.large_object', objectKind: 'large_object' }),
  ...rows('lo_put lowrite lo_create lo_creat lo_from_bytea lo_truncate lo_truncate64', {
    kind: 'write',
    objectKind: 'large_object',
  }),
  ...rows('lo_unlink lo_manage', { kind: 'drop', objectKind: 'large_object' }),
  ...rows('lo_lseek lo_lseek64 lo_tell lo_tell64 lo_close', { kind: 'session', objectKind: 'large_object' }),
  ...rows('dblink_connect dblink_connect_u', {
    kind: 'execute.critical',
    objectKind: 'function',
    secret: true,
  }),
  ...rows('dblink dblink_exec dblink_send_query dblink_open', {
    kind: 'execute.critical',
    objectKind: 'function',
    secret: true,
  }),
  ...rows(
    'dblink_fetch dblink_get_result dblink_disconnect dblink_close dblink_build_sql_insert dblink_cancel_query',
    {
      kind: 'execute.high',
      objectKind: 'function',
    },
  ),
  ...rows('pg_terminate_backend pg_cancel_backend pg_log_backend_memory_contexts', {
    kind: 'execute.high',
    objectKind: 'function',
  }),
  ...rows('pg_sleep pg_sleep_for pg_sleep_until pg_notify pg_logical_emit_message', {
    kind: 'execute',
    objectKind: 'function',
  }),
  ...rows(
    'pg_reload_conf pg_rotate_logfile pg_switch_wal pg_promote pg_backup_start pg_backup_stop pg_create_restore_point pg_wal_replay_pause pg_wal_replay_resume pg_import_system_collations pg_log_standby_snapshot pg_stat_reset pg_stat_reset_shared pg_stat_reset_slru pg_stat_reset_backend_stats pg_stat_reset_single_table_counters pg_stat_reset_single_function_counters pg_stat_reset_subscription_stats pg_stat_reset_replication_slot pg_stat_statements_reset pg_clear_relation_stats pg_clear_attribute_stats pg_restore_relation_stats pg_restore_attribute_stats pg_extension_config_dump pg_stop_making_pinned_objects',
    { kind: 'admin', objectKind: 'function' },
  ),
  ...rows('setval', { kind: 'write', objectKind: 'sequence', argument: 0 }),
  ...rows(
    'pg_create_logical_replication_slot pg_create_physical_replication_slot pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_drop_replication_slot pg_logical_slot_get_changes pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes pg_replication_slot_advance pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance pg_replication_origin_session_setup pg_replication_origin_session_reset pg_replication_origin_xact_setup pg_replication_origin_xact_reset pg_sync_replication_slots',
    { kind: 'replication', objectKind: 'function' },
  ),
  ...rows('query_to_xml query_to_xmlschema query_to_xml_and_xmlschema ts_stat', {
    kind: 'opaque_code',
    objectKind: 'function',
    runsArgument: 0,
  }),
  ...rows('pg_input_is_valid pg_input_error_info', {
    kind: 'opaque_code',
    objectKind: 'function',
    runsArgument: 1,
    runsType: true,
  }),
  // Values of a type that is named by its object id, and so of any.
  ...rows(
    'domain_in domain_recv array_in array_recv record_in record_recv range_in range_recv multirange_in multirange_recv satisfies_hash_partition',
    { kind: 'opaque_code', objectKind: 'function' },
  ),
  ...rows('brin_summarize_new_values brin_summarize_range brin_desummarize_range gin_clean_pending_list', {
    kind: 'maintain',
    objectKind: 'index',
    argument: 0,
  }),
  ...rows('ts_rewrite', { kind: 'opaque_code', objectKind: 'function', runsArgument: 1 }),
  ...rows('crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table', {
    kind: 'opaque_code',
    objectKind: 'function',
    runsArgument: 0,
  }),
  ...rows('cursor_to_xml cursor_to_xmlschema', { kind: 'execute', objectKind: 'function' }),
  ...rows('table_to_xml table_to_xmlschema table_to_xml_and_xmlschema', {
    kind: 'read.whole',
    objectKind: 'table',
    argument: 0,
    readsArgument: true,
  }),
  ...rows('schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema', {
    kind: 'export.whole',
    objectKind: 'schema',
    argument: 0,
  }),
  ...rows('database_to_xml database_to_xmlschema database_to_xml_and_xmlschema', {
    kind: 'export.whole',
    objectKind: 'database',
  }),
  ...rows('pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings pg_get_loaded_modules', {
    kind: 'read.credentials',
    objectKind: 'function',
  }),
]);
