/** A whole installation with the sample PostgreSQL for attacks on it, and the target's state as the judge. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createApiClient, type ApiClient } from '../../cli/api-client.ts';
import { rawLogin, type RawClient } from '../../gateway/protocols/postgres/test/raw-client.ts';
import { loadConfig } from '../../main/config.ts';
import { runInstallation } from '../../main/run-installation.ts';
import type { WholeInstallation } from '../../main/installation.ts';
import { startSampleTarget } from '../../main/sample-target/sample-target.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import type { Config } from '../../schemas/config/config.ts';

const clock = createSystemClock();

export interface Login {
  readonly user: string;
  readonly token: string;
  readonly tokenId: string;
  readonly identityId: string;
}

export interface AttackedInstallation {
  readonly installation: WholeInstallation;
  readonly folder: string;
  readonly logFile: string;
  readonly api: ApiClient;
  readonly apiUrl: string;
  readonly listener: { readonly host: string; readonly port: number; readonly ca: string };
  readonly superuserPassword: string;
  readonly targetPort: number;
  /** Makes an identity and a token for it. */
  login(
    subject: string,
    kind: string,
    more?: { readonly ttlMs?: number; readonly credentialSource?: string },
  ): Promise<Login>;
  /** A client that is not connected yet. */
  client(login: Login, options?: { readonly connection?: string; readonly options?: string }): pg.Client;
  raw(login: Login, options?: { readonly parameters?: Record<string, string> }): Promise<RawClient>;
  /** Superuser of the target itself, past the gateway. */
  readonly direct: pg.Client;
  stop(): Promise<void>;
}

/** High risk is denied for machines, not only held: so nothing of it may ever reach the target. */
export const DENYING_POLICY = [
  {
    name: 'opaque-denied',
    kinds: ['service_account'],
    actions: ['opaque_code'],
    outcome: 'deny',
    reason: 'opaque code',
  },
  {
    name: 'high-denied',
    kinds: ['service_account'],
    riskAtLeast: 'high',
    outcome: 'deny',
    reason: 'high risk',
  },
  {
    name: 'victim-object-denied',
    kinds: ['service_account'],
    objects: ['public.victim_secret'],
    outcome: 'deny',
    reason: 'nobody reads that',
  },
  { name: 'rest-allowed', outcome: 'allow', reason: 'nothing speaks against it' },
] as unknown as Config['policy']['rules'];

/** The connection `root` logs in to the target as its superuser: nothing but the gateway stands in between. */
export async function startAttacked(
  change: (config: Config) => Config = (config) => config,
): Promise<AttackedInstallation> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-security-'));
  const environment = {
    COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
    COUNTERSIGN_CONTROL_API__PORT: '0',
    COUNTERSIGN_POSTGRES__PORT: '0',
  };
  const config = loadConfig(undefined, environment);
  const sample = await startSampleTarget(clock, config.dataFolder);
  const superuserPassword = readFileSync(join(config.dataFolder, 'sample-superuser'), 'utf8');
  const port = sample.connection.port;
  const root = {
    ...sample.connection,
    name: 'root',
    options: { ...sample.connection.options, anyDatabase: false },
  };
  const { installation, logFile } = await runInstallation(
    change({ ...config, connections: [...config.connections, sample.connection, root] }),
    environment,
    true,
  );
  await sample.storeCredential(installation.gateway.vault);
  await installation.gateway.vault.put(
    'connections/root',
    JSON.stringify({ username: 'postgres', password: superuserPassword }),
  );
  const { url } = installation.gateway.api();
  const api = createApiClient({ url, token: installation.tokens.admin });
  const { host, port: listenerPort, ca } = installation.gateway.listener('postgres')!;
  const listener = { host, port: listenerPort, ca: ca! };
  const direct = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: superuserPassword,
    database: 'shop',
  });
  direct.on('error', () => undefined);
  await direct.connect();
  return {
    installation,
    folder,
    logFile: logFile!,
    api,
    apiUrl: url,
    listener,
    superuserPassword,
    targetPort: port,
    direct,
    async login(subject, kind, more = {}) {
      const identityId = `countersign/${subject}`;
      await api.send('PUT', '/v1/identities', { id: identityId, kind, displayName: subject, groups: [] });
      const issued = await api.send<IssueTokenAnswer>('POST', '/v1/tokens', {
        identityId,
        ttlMs: more.ttlMs ?? 3_600_000,
        connections: ['*'],
        ...(more.credentialSource === undefined ? {} : { credentialSource: more.credentialSource }),
      });
      return { user: issued.userName, token: issued.token, tokenId: issued.summary.tokenId, identityId };
    },
    client(login, options = {}) {
      const client = new pg.Client({
        host,
        port: listenerPort,
        user: login.user,
        password: login.token,
        database: options.connection ?? 'root',
        ssl: { ca: ca!, servername: 'localhost' },
        ...(options.options === undefined ? {} : { options: options.options }),
      });
      client.on('error', () => undefined);
      return client;
    },
    raw: (login, options = {}) =>
      rawLogin(listener, {
        direct: { ca: ca! },
        database: 'root',
        user: login.user,
        token: login.token,
        parameters: options.parameters ?? {},
      }),
    async stop() {
      await direct.end();
      await installation.stop(500);
      await sample.stop();
      rmSync(folder, { recursive: true, force: true });
      rmSync(`${folder}/data-sample`, { recursive: true, force: true });
    },
  };
}

/** What attacks are after: tables with rows, a role with a password, a member, a policy. */
export const VICTIMS = `
  drop table if exists victim, victim_secret, victim_child cascade;
  drop table if exists victim_owned;
  drop role if exists victim_role, victim_member, victim_owner;
  create table victim (id int primary key, word text, amount int);
  insert into victim select n, 'word-' || n, n * 10 from generate_series(1, 20) n;
  create table victim_secret (id int, secret text);
  insert into victim_secret values (1, 'countersign-secret-cell');
  create table victim_child (id int references victim (id) on delete cascade);
  insert into victim_child values (1);
  alter table victim enable row level security;
  create role victim_role login password 'countersign-victim-password';
  create role victim_member;
  create role victim_owner;
  create table victim_owned (id int);
  alter table victim_owned owner to victim_owner;
  grant usage on schema public to public;
`;

/** A digest of everything that an attack could change: any difference is an attack that got through. */
export async function stateOf(direct: pg.Client): Promise<string> {
  const { rows } = await direct.query<{ state: string }>(`
    select jsonb_build_object(
      'tables', (select jsonb_agg(jsonb_build_array(relname, relowner, relacl::text, relrowsecurity, relchecks, relhastriggers, relhasrules, relnamespace) order by relname)
        from pg_class where relname like 'victim%'),
      'columns', (select jsonb_agg(jsonb_build_array(attrelid::regclass::text, attname, atttypid, attisdropped) order by attrelid, attnum)
        from pg_attribute join pg_class on pg_class.oid = attrelid where relname like 'victim%'),
      'rows', (select jsonb_agg(xpath('/table/row', query_to_xml('select count(*) c, min(v::text) l, max(v::text) h from ' || oid::regclass::text || ' v', true, false, ''))::text order by relname)
        from pg_class where relname like 'victim%' and relkind = 'r'),
      'roles', (select jsonb_agg(to_jsonb(a) - 'rolpassword' || jsonb_build_object('p', md5(coalesce(rolpassword, ''))) order by rolname) from pg_authid a),
      'members', (select jsonb_agg(to_jsonb(m) order by oid) from pg_auth_members m),
      'settings', (select jsonb_agg(to_jsonb(s) order by setdatabase, setrole) from pg_db_role_setting s),
      'databases', (select jsonb_agg(datname order by datname) from pg_database),
      'triggers', (select jsonb_agg(tgname order by tgname) from pg_trigger where not tgisinternal),
      'rules', (select jsonb_agg(rulename order by rulename) from pg_rewrite where rulename <> '_RETURN'),
      'extensions', (select jsonb_agg(extname order by extname) from pg_extension),
      'default_acl', (select count(*) from pg_default_acl),
      'policies', (select count(*) from pg_policy),
      'servers', (select count(*) from pg_foreign_server),
      'publications', (select count(*) from pg_publication),
      'opaque', (select count(*) from pg_proc p join pg_language l on l.oid = prolang where lanname not in ('internal', 'c', 'sql'))
    )::text as state`);
  return rows[0]!.state;
}

/** Waits for a condition; fails after half a minute. */
