/** Brokers started with the environment that docker-compose.yml gives them, as the image of Kafka reads it; only addresses and folders differ. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { freePorts } from '../../main/sample-target/free-ports.ts';
import { formatBroker, launchBroker, type Broker, type BrokerFiles } from '../servers/kafka/broker.ts';
import type { Authority } from '../servers/rsyslog/authority.ts';
import type { ComposeFile } from './compose-file.ts';
import { aclEntries } from './kafka-acls.ts';

const READY_MS_MAX = 240_000;
const LOGGING = `Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}
  Loggers:
    Root: {level: INFO, AppenderRef: {ref: STDOUT}}
`;
/** For a machine that does much else. */
const LEAN: Readonly<Record<string, string>> = {
  'offsets.topic.num.partitions': '5',
  'transaction.state.log.num.partitions': '5',
  'num.network.threads': '2',
  'num.io.threads': '4',
  'log.cleaner.dedupe.buffer.size': '8388608',
};

/** KAFKA_A_B__C___D is a.b_c-d (the image of Kafka, docker/README). */
export const propertyOf = (variable: string): string =>
  variable
    .replace(/^KAFKA_/, '')
    .toLowerCase()
    .replace(/_{1,3}/g, (run) => ['.', '_', '-'][run.length - 1]!);

export interface ComposeBrokers {
  /** host:port in the file, and where it is here. */
  readonly addresses: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

/** Others start servers at the same time, and one may take a port that was free. */
const TRIES = 4;

/** Starts the three brokers; users log in with the passwords given, with the rights of kafka-acls.txt. */
export async function startComposeBrokers(
  compose: ComposeFile,
  authority: Authority,
  folder: string,
  users: Readonly<Record<string, string>>,
): Promise<ComposeBrokers> {
  for (let tries = 1; ; tries += 1) {
    const own = join(folder, `kafka-${tries}`);
    mkdirSync(own);
    try {
      return await startOnce(compose, authority, own, users);
    } catch (error) {
      if (tries === TRIES || !/Address already in use/.test((error as Error).message)) throw error;
    }
  }
}

async function startOnce(
  compose: ComposeFile,
  authority: Authority,
  folder: string,
  users: Readonly<Record<string, string>>,
): Promise<ComposeBrokers> {
  const clock = createSystemClock();
  const names = Object.keys(compose.services).filter((name) => /^kafka-\d$/.test(name));
  const free = await freePorts(names.length * 3);
  const addresses = new Map<string, string>();
  for (const [at, name] of names.entries())
    [9092, 9093, 9094].forEach((port, offset) =>
      addresses.set(`${name}:${port}`, `127.0.0.1:${free[at * 3 + offset]!}`),
    );
  const here = (text: string): string =>
    [...addresses].reduce((result, [there, address]) => result.replaceAll(there, address), text);

  const files: BrokerFiles[] = [];
  for (const name of names) {
    const own = join(folder, name);
    mkdirSync(own);
    const { certificatePem, keyPem } = await authority.issue(name);
    const keyStore = join(own, 'kafka.pem');
    writeFileSync(keyStore, `${keyPem}\n${certificatePem}`, { mode: 0o600 });
    const environment = Object.entries(compose.services[name]!.environment!).filter(
      ([key]) => key.startsWith('KAFKA_') && key !== 'KAFKA_HEAP_OPTS',
    );
    const properties = Object.fromEntries(environment.map(([key, value]) => [propertyOf(key), here(value)]));
    const listeners = properties['listeners']!.replace(
      /(\w+):\/\/:(\d+)/g,
      (_, listener: string, port: string) => `${listener}://${addresses.get(`${name}:${port}`)!}`,
    );
    const written = {
      ...properties,
      ...LEAN,
      listeners,
      'log.dirs': join(own, 'data'),
      'ssl.keystore.location': keyStore,
      'ssl.truststore.location': authority.caFile,
    };
    const file = join(own, 'server.properties');
    writeFileSync(
      file,
      Object.entries(written)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    const logging = join(own, 'log4j2.yaml');
    writeFileSync(logging, LOGGING);
    files.push({ folder: own, properties: file, logging, heapMb: 320 });
  }
  const clusterId = compose.services[names[0]!]!.environment!['CLUSTER_ID']!;
  const running: Broker[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(running.map((broker) => broker.kill())));
  try {
    for (const one of files) await formatBroker(one, clusterId, users);
    for (const one of files) running.push(launchBroker(one, false));
    for (
      const end = clock.monotonicUs() + READY_MS_MAX * 1000;
      !running.every((broker) => broker.ready());
      await clock.sleep(100)
    )
      if (clock.monotonicUs() > end) throw new Error(`Kafka is not ready: ${running[0]!.log().slice(-4000)}`);
    await setRights(authority, addresses.get('kafka-1:9094')!);
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses, stop };
}

/** As kafka.sh does: by the certificate of kafka-admin, on the listener of the brokers. */
async function setRights(authority: Authority, address: string): Promise<void> {
  const { certificatePem, keyPem } = await authority.issue('kafka-admin');
  const ssl = { ca: [authority.caPem], cert: certificatePem, key: keyPem };
  const { Kafka, logLevel } = kafkajs;
  const admin = new Kafka({ clientId: 'setup', brokers: [address], ssl, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createAcls({ acl: aclEntries() });
  } finally {
    await admin.disconnect();
  }
}
