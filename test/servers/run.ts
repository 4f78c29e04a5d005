/** `npm run server -- NAME`: one of the test servers in the foreground, for trying things by hand. Ctrl-C ends it and removes its data. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../platform/clock/system-clock.ts';

/** What is printed, and how to end it. */
interface Running {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly stop: () => Promise<void>;
}
interface Server {
  readonly text: string;
  start(): Promise<Running>;
}

const PASSWORD = 'countersign';

async function kafka(brokers: 1 | 3, secure: boolean): Promise<Running> {
  const { startKafka } = await import('./kafka/kafka.ts');
  const server = await startKafka({ brokers, secure });
  const fields = {
    brokers: server.brokers.join(','),
    ...(secure && { user: server.admin.username, password: server.admin.password, ca: server.caFile }),
    ...(secure && { 'without security': server.internalBrokers.join(',') }),
    log: server.logFile(1),
  };
  return { fields, stop: () => server.stop() };
}

const SERVERS: Readonly<Record<string, Server>> = {
  kafka: { text: 'Kafka, one broker', start: () => kafka(1, false) },
  'kafka-cluster': { text: 'Kafka, three brokers', start: () => kafka(3, false) },
  'kafka-secure': { text: 'Kafka, one broker with TLS, SCRAM and ACLs', start: () => kafka(1, true) },
  registry: {
    text: "schema registry (Apicurio) with Confluent's API",
    async start() {
      const { startRegistry } = await import('./registry/registry.ts');
      const server = await startRegistry();
      return { fields: { url: server.url, log: server.logFile }, stop: () => server.stop() };
    },
  },
  elasticsearch: {
    text: 'Elasticsearch with a password',
    async start() {
      const { startElasticsearch } = await import('./elasticsearch/elasticsearch.ts');
      const server = await startElasticsearch({ password: PASSWORD });
      const { url, version, logFolder: logs } = server;
      return {
        fields: { url, version, user: 'elastic', password: PASSWORD, logs },
        stop: () => server.stop(),
      };
    },
  },
  opa: {
    text: 'Open Policy Agent with the policy of the tests (the first time it is built: some minutes)',
    async start() {
      const { startOpa } = await import('./opa.ts');
      const server = await startOpa(join(import.meta.dirname, '../../gateway/policy/rego/test/bundle'));
      const decide = `curl ${server.url}/v1/data/countersign/decision -d '{"input":{}}'`;
      return { fields: { url: server.url, decide }, stop: () => server.stop() };
    },
  },
  postgres: {
    text: 'PostgreSQL with TLS',
    async start() {
      const { startPostgres } = await import('./postgres.ts');
      const server = await startPostgres();
      const { host, port, user, password, logFile: log } = server;
      return {
        fields: { host, port, user, password, log, ca: `\n${server.caPem}` },
        stop: () => server.stop(),
      };
    },
  },
  rsyslog: {
    text: 'rsyslog that takes syslog over TLS from clients with a certificate',
    async start() {
      const { createAuthority } = await import('./rsyslog/authority.ts');
      const { startRsyslog } = await import('./rsyslog/rsyslog.ts');
      const folder = mkdtempSync(join(tmpdir(), 'countersign-rsyslog-'));
      const authority = await createAuthority(folder, createSystemClock().now());
      const [own, client] = [await authority.issue('server'), await authority.issue('client')];
      const server = await startRsyslog({ caFile: authority.caFile, ...own, clientCertificates: true });
      const { host, port, receivedFile: received } = server;
      const { certificateFile: certificate, keyFile: key } = client;
      return {
        fields: { host, port, ca: authority.caFile, certificate, key, received },
        async stop() {
          await server.stop();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  },
  sshd: {
    text: 'OpenSSH server',
    async start() {
      const { startSshd } = await import('./sshd/sshd.ts');
      const server = await startSshd();
      const { host, port, user, folder, logFile: log } = server;
      const key = join(folder, 'user_key');
      const login = `ssh -i ${key} -p ${port} ${user}@${host}`;
      return { fields: { host, port, user, key, log, login }, stop: () => server.stop() };
    },
  },
};

const name = process.argv[2] ?? '';
const server = Object.hasOwn(SERVERS, name) ? SERVERS[name] : undefined;
if (server === undefined) {
  console.error('npm run server -- NAME, where NAME is');
  for (const [each, { text }] of Object.entries(SERVERS)) console.error(`  ${each.padEnd(14)} ${text}`);
  process.exit(2);
}
// Before the start: who breaks it off meanwhile leaves nothing behind.
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
});
console.log(`Starting ${server.text} ...`);
try {
  const { fields, stop } = await server.start();
  for (const [field, value] of Object.entries(fields))
    console.log(`${field}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  console.log('Ctrl-C ends it and removes its data.');
  const staysUp = setInterval(() => undefined, 60_000);
  await asked;
  clearInterval(staysUp);
  console.log('Ending ...');
  await stop();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
