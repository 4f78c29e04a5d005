/**
 * The composition without containers: brokers with the environment of docker-compose.yml, PostgreSQL set up by deploy/setup, a registry and
 * Elasticsearch, and every role by its own command, configuration and rights.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { createApiClient, type ApiClient } from '../../cli/api-client.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { lacking } from '../servers/available.ts';
import { startElasticsearch, type TestElasticsearch } from '../servers/elasticsearch/elasticsearch.ts';
import { freePorts } from '../../main/sample-target/free-ports.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { startRegistry, type TestRegistry } from '../servers/registry/registry.ts';
import { createAuthority } from '../servers/rsyslog/authority.ts';
import { until, type Patience } from '../support/until.ts';
import { startComposeBrokers, type ComposeBrokers } from './brokers.ts';
import { loadCompose, parseEnv, read, root, roleServices, type ComposeFile } from './compose-file.ts';
import { startRole, type RoleProcess } from './role-process.ts';

const clock = createSystemClock();
const PATIENCE: Patience = { mostMs: 120_000, pauseMs: 100 };
/** Two cores do the work of twelve containers here. */
const PATIENT = {
  COUNTERSIGN_CONTROL_STORE__TRANSACTION_TIMEOUT_MS: '60000',
  COUNTERSIGN_CONTROL_STORE__POSTGRES__CONNECT_TIMEOUT_MS: '30000',
  COUNTERSIGN_CONTROL_STORE__POSTGRES__STATEMENT_TIMEOUT_MS: '30000',
  COUNTERSIGN_CONTROL_STORE__POSTGRES__TRANSACTION_TIMEOUT_MS: '60000',
};

/** Calls the API as somebody would on a machine that does much else: what is away for a moment is asked again. */
async function send<T>(api: ApiClient, method: 'PUT' | 'POST', path: string, body: object): Promise<T> {
  for (let left = 20; ; left -= 1) {
    try {
      return await api.send<T>(method, path, body);
    } catch (error) {
      if (left === 0 || !/UNAVAILABLE/.test((error as { code?: string }).code ?? '')) throw error;
      await clock.sleep(500);
    }
  }
}

describe(
  'composition as processes',
  { timeout: 600_000, skip: lacking('java', 'mvn', 'elasticsearch', 'psql') },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-test-composition-'));
    const at = (...parts: string[]): string => join(folder, ...parts);
    let compose: ComposeFile;
    let variables: Record<string, string>;
    let brokers: ComposeBrokers;
    let store: TestPostgres;
    let registry: TestRegistry;
    let elasticsearch: TestElasticsearch;
    const running: RoleProcess[] = [];
    const named = (name: string): RoleProcess => running.find((one) => one.name === name)!;
    const apis: ApiClient[] = [];

    /** Runs a script of deploy/setup as the image of PostgreSQL would, over the network. */
    const setUp = (script: string): void => {
      const text = read('deploy', 'setup', script).replaceAll('/run/secrets', at('secrets'));
      const { host, port, user, password } = store;
      const env = {
        ...process.env,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
        PGSSLMODE: 'require',
      };
      const done = spawnSync('bash', ['-c', text], { encoding: 'utf8', env });
      assert.equal(done.status, 0, done.stderr);
    };

    before(async () => {
      spawnSync('sh', [join(root, 'deploy', 'make-env.sh'), at('.env')]);
      variables = parseEnv(readFileSync(at('.env'), 'utf8'));
      compose = loadCompose(variables);
      mkdirSync(at('secrets'));
      // The bare Elasticsearch of the tests has one user: both roles log in as that one.
      const elastic = variables['ELASTIC_PASSWORD']!;
      const one = { INGEST_PASSWORD: elastic, READER_PASSWORD: elastic };
      for (const [secret, { environment }] of Object.entries(compose.secrets))
        writeFileSync(at('secrets', secret), { ...variables, ...one }[environment]!);
      const authority = await createAuthority(folder, clock.now());
      const users = ['gateway', 'detectors', 'responders', 'ingest'].map((role) => [
        `countersign-${role}`,
        variables[`KAFKA_${role.toUpperCase()}_PASSWORD`]!,
      ]);
      [brokers, store, registry, elasticsearch] = await Promise.all([
        startComposeBrokers(compose, authority, folder, Object.fromEntries(users) as Record<string, string>),
        startPostgres(),
        startRegistry(),
        startElasticsearch({ password: elastic, tls: true }),
      ]);
      setUp('store.sh');
      setUp('target.sh');

      const { certificateFile, keyFile } = await authority.issue('gateway');
      writeFileSync(at('ca.crt'), `${authority.caPem}\n${store.caPem}`);
      const services = roleServices(compose).flatMap(([name, service]) =>
        Array.from({ length: service.deploy?.replicas ?? 1 }, (_, copy) => ({
          name: copy === 0 ? name : `${name}-${copy + 1}`,
          service,
        })),
      );
      const ports = await freePorts(services.length + 4);
      const gatewayPorts = {
        'gateway-1': [ports.at(-1)!, ports.at(-2)!],
        'gateway-2': [ports.at(-3)!, ports.at(-4)!],
      } as const;
      const here = new Map<string, string>([
        ...brokers.addresses,
        ['/run/secrets', at('secrets')],
        ['/etc/countersign/certificates/ca.crt', at('ca.crt')],
        ['/etc/countersign/certificates/tls.crt', certificateFile],
        ['/etc/countersign/certificates/tls.key', keyFile],
        ['/var/lib/countersign-recordings', at('recordings')],
        ['http://registry:8080/apis/ccompat/v7', registry.url],
        ['https://elasticsearch:9200', elasticsearch.url],
        ['{ host: store, port: 5432 }', `{ host: localhost, port: ${store.port} }`],
        ['gateway-1:8443', `localhost:${gatewayPorts['gateway-1'][0]}`],
        ['gateway-2:8443', `localhost:${gatewayPorts['gateway-2'][0]}`],
      ]);
      const start = ({ name, service }: (typeof services)[number], number: number): Promise<RoleProcess> => {
        const own = gatewayPorts[name as keyof typeof gatewayPorts] as readonly [number, number] | undefined;
        const environment: Record<string, string> = {
          ...PATIENT,
          ...(service.environment?.['COUNTERSIGN_SEARCH_INDEX__ELASTICSEARCH__USERNAME'] === undefined
            ? {}
            : {
                COUNTERSIGN_SEARCH_INDEX__ELASTICSEARCH__USERNAME: 'elastic',
                COUNTERSIGN_SEARCH_INDEX__ELASTICSEARCH__CA_FILE: elasticsearch.caFile!,
              }),
          ...(own === undefined
            ? {}
            : { COUNTERSIGN_CONTROL_API__PORT: String(own[0]), COUNTERSIGN_POSTGRES__PORT: String(own[1]) }),
          // Copies have a host name each in containers; here the place on the shared folder tells them apart.
          ...(name.startsWith('gateway') ? {} : { COUNTERSIGN_DATA_FOLDER: at('others') }),
        };
        return startRole(name, service, { folder: at(name), here, healthPort: ports[number]!, environment });
      };
      // Two at a time: all at once would be more than two cores start before their stores give up.
      for (let number = 0; number < services.length; number += 2) {
        const some = services.slice(number, number + 2).map((one, next) => start(one, number + next));
        running.push(...(await Promise.all(some)));
      }
      const ca = authority.caPem;
      for (const name of ['gateway-1', 'gateway-2'] as const)
        apis.push(
          createApiClient({
            url: `https://localhost:${gatewayPorts[name][0]}`,
            token: variables['API_ADMIN_TOKEN']!,
            ca,
          }),
        );
    });
    after(async () => {
      for (const one of running) one.kill();
      await Promise.all([brokers?.stop(), store?.stop(), registry?.stop(), elasticsearch?.stop()]);
      rmSync(folder, { recursive: true, force: true });
    });

    it('every role becomes ready with the rights that it is given', async () => {
      assert.deepEqual(
        running.map(({ name }) => name),
        ['gateway-1', 'gateway-2', 'detectors', 'detectors-2', 'responders', 'responders-2', 'ingest'],
      );
      for (const one of running) {
        let last = '';
        await until(
          `${one.name} is ready`,
          () => {
            const { ready, text } = one.health();
            last = text;
            return ready;
          },
          PATIENCE,
        ).catch((error: unknown) => {
          throw new Error(`${(error as Error).message}: ${last} ${one.log().slice(-3000)}`);
        });
        assert.doesNotMatch(one.log(), /EVENT_LOG_NOT_ALLOWED|TOPIC_AUTHORIZATION/, one.name);
      }
    });

    it('a session through one gateway is found by the other, and ends by a lockout there', async () => {
      const [first, second] = apis as [ApiClient, ApiClient];
      await send(first, 'PUT', '/v1/connections/shop', {
        protocol: 'postgres',
        host: 'localhost',
        port: store.port,
        role: 'shop_app',
        database: 'shop',
        tls: 'disable',
        credential: { password: variables['TARGET_APP_PASSWORD']! },
      });
      await send(first, 'PUT', '/v1/identities', {
        id: 'countersign/alice',
        kind: 'human',
        displayName: 'Alice',
        groups: [],
        attributes: {},
      });
      const { token, userName } = await send<IssueTokenAnswer>(first, 'POST', '/v1/tokens', {
        identityId: 'countersign/alice',
        connections: ['shop'],
        ttlMs: 3_600_000,
      });
      const [host, port] = named('gateway-1').told.postgres!.split(':');
      assert.equal(host, '0.0.0.0');
      const client = new pg.Client({
        host: 'localhost',
        port: Number(port),
        user: userName,
        password: token,
        database: 'shop',
        ssl: { ca: readFileSync(at('ca.crt'), 'utf8') },
      });
      const ended = new Promise<Error>((resolve) => client.on('error', resolve));
      await client.connect();
      const { rows } = await client.query<{ count: string }>('select count(*) from customers');
      assert.equal(rows[0]!.count, '500');
      interface Page {
        readonly items: readonly { readonly document: Readonly<Record<string, unknown>> }[];
      }
      await until(
        'the request is in the index',
        async () => {
          const page = await second.get<Page>('/v1/events', { identity: 'countersign/alice', limit: 50 });
          return JSON.stringify(page.items).includes('select count(*) from customers');
        },
        PATIENCE,
      );
      await send(second, 'POST', '/v1/lockouts', {
        subjectKind: 'identity',
        subject: 'countersign/alice',
        reason: 'rehearsal of the composition',
      });
      assert.match((await ended).message, /locked out|terminated/i);
    });

    it('every role ends in order when it is told to', async () => {
      const codes = await Promise.all(running.splice(0).map(async (one) => [one.name, await one.end()]));
      for (const [name, code] of codes) assert.equal(code, 0, String(name));
    });
  },
);
