#!/bin/bash
# Runs at the first start of the target: a small shop, and the account that the gateway uses there. It owns nothing.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres -c 'create database shop'
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/target_app_password)" --username postgres --dbname shop <<'SQL'
create role shop_app login nosuperuser nocreatedb nocreaterole noreplication password :'password';
revoke all on database shop from public;
grant connect on database shop to shop_app;
create table customers (id int primary key generated always as identity, name text not null, email text not null, country text not null);
create table orders (id int primary key generated always as identity, customer_id int not null references customers, total numeric(10, 2) not null, placed_at timestamptz not null default now());
insert into customers (name, email, country)
  select 'Customer ' || n, 'customer' || n || '@example.com', (array['DE', 'FR', 'IT', 'ES'])[1 + n % 4] from generate_series(1, 500) n;
insert into orders (customer_id, total) select 1 + n % 500, (n % 1000) / 10.0 + 5 from generate_series(1, 5000) n;
grant select, insert, update, delete on customers, orders to shop_app;
SQL
