/** Functions in C of well-known extensions that are declared volatile and change nothing for anybody else. */
export const HARMLESS: ReadonlySet<string> = new Set(
  `uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuid_nil uuid_ns_dns uuid_ns_url gen_random_uuid gen_random_bytes gen_salt crypt
  pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea normal_rand set_limit show_limit pg_stat_statements
  pg_stat_statements_info pg_buffercache_pages pg_buffercache_summary pgrowlocks pg_freespace pg_visibility pg_visibility_map
  tsvector_update_trigger suppress_redundant_updates_trigger moddatetime autoinc insert_username`.split(
    /\s+/,
  ),
);
