#!/bin/bash
# Runs at the first start of the control store's PostgreSQL: two databases, each with an owner who may nothing else.
set -euo pipefail
for name in countersign registry; do
  secret=/run/secrets/store_password
  [ "$name" = registry ] && secret=/run/secrets/registry_password
  psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$(cat "$secret")" --username postgres --dbname postgres <<'SQL'
create role :"name" login nosuperuser nocreatedb nocreaterole noreplication password :'password';
create database :"name" owner :"name";
revoke all on database :"name" from public;
SQL
done
