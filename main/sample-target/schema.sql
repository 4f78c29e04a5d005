-- The sample database: what a shop's production would hold. Idempotent; rows are made once.
create table if not exists schema_migrations (version bigint primary key);
create table if not exists deployments (id bigserial primary key, service text not null, version text not null, state text not null default 'running', deployed_at timestamptz not null default now());
create table if not exists feature_flags (service text not null, name text not null, enabled boolean not null default false, primary key (service, name));
create table if not exists customers (id bigserial primary key, name text not null, email text not null, phone text, city text, created_at timestamptz not null default now());
create table if not exists orders (id bigserial primary key, customer_id bigint not null, product_id int, status text not null default 'new', region text, total_cents bigint not null, created_at timestamptz not null default now());
create table if not exists order_items (order_id bigint not null, product_id int not null, quantity int not null);
create table if not exists payments (id bigserial primary key, customer_id bigint not null, card_token text not null, amount_cents bigint not null, created_at timestamptz not null default now());
create table if not exists employees (id bigserial primary key, name text not null, salary_cents bigint not null);
create table if not exists app_users (id bigserial primary key, email text not null, password_hash text not null);
create table if not exists audit_log (id bigserial primary key, what text not null, at timestamptz not null default now());
create table if not exists report_runs (id bigserial primary key, name text not null, at timestamptz not null default now());
create table if not exists sync_cursors (name text not null, position timestamptz not null);

insert into schema_migrations select generate_series(1, 42) where not exists (select from schema_migrations);
insert into feature_flags select 'orders', 'flag-' || n, n % 2 = 0 from generate_series(1, 8) n where not exists (select from feature_flags);
insert into deployments (service, version, state) select 'orders', '2026.1.' || n, 'done' from generate_series(1, 200) n where not exists (select from deployments);
insert into customers (name, email, phone, city) select 'Customer ' || n, 'c' || n || '@example.com', '+49 30 ' || (1000000 + n), 'Berlin' from generate_series(1, 5000) n where not exists (select from customers);
insert into orders (customer_id, product_id, status, region, total_cents, created_at) select n % 5000 + 1, n % 900, (array['new', 'paid', 'shipped', 'returned'])[n % 4 + 1], 'eu-' || n % 4, n % 20000, now() - n * interval '3 minutes' from generate_series(1, 90000) n where not exists (select from orders);
insert into order_items select n % 90000 + 1, n % 900, n % 6 + 1 from generate_series(1, 120000) n where not exists (select from order_items);
insert into payments (customer_id, card_token, amount_cents) select n % 5000 + 1, md5(n::text), n % 20000 from generate_series(1, 20000) n where not exists (select from payments);
insert into employees (name, salary_cents) select 'Employee ' || n, 4000000 + n * 1000 from generate_series(1, 400) n where not exists (select from employees);
insert into app_users (email, password_hash) select 'u' || n || '@example.com', md5('u' || n) from generate_series(1, 3000) n where not exists (select from app_users);
insert into audit_log (what) select 'entry ' || n from generate_series(1, 1000) n where not exists (select from audit_log);
