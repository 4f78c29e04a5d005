/** A real Kafka 4 (KRaft) for tests, of one broker or three: fresh, on loopback, in a folder of its own that goes with it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AclEntry } from 'kafkajs';
import { makeLoopbackCertificate } from '../../../main/tls.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';
import { addAcls, addScramUser, partitionLeader, quorumLeader, untilLoginPasses } from './administration.ts';
import { writeBrokerConfig, type BrokerPorts } from './broker-config.ts';
import { formatBroker, launchBroker, type Broker, type BrokerFiles } from './broker.ts';

export interface KafkaOptions {
  /** One by default. With three, topics have three replicas and two must be in sync. */
  readonly brokers?: 1 | 3;
  /** TLS, SCRAM, client certificates and ACLs: whoever is not allowed something may not. */
  readonly secure?: boolean;
  /** Further lines of server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
  /** For benches: slower to start, faster after it, and with a larger heap. */
  readonly steady?: boolean;
}

export interface TestKafka {
  /** `host:port` of each broker: of broker n at n - 1. With `secure` these take SCRAM over TLS. */
  readonly brokers: readonly string[];
  /** With `secure`: the listeners that take client certificates. */
  readonly certificateBrokers: readonly string[];
  /** Listeners without security and with every right; for preparing and looking into it. */
  readonly internalBrokers: readonly string[];
  /** With `secure`: may everything. */
  readonly admin: { readonly username: string; readonly password: string };
  /** With `secure`: certificate of the brokers, as PEM and as a file. */
  readonly caPem: string;
  readonly caFile: string;
  /** With `secure`: a client's key and certificate in one PEM file; its principal is `User:CN=countersign on localhost`. */
  readonly clientFile: string;
  /** Log of broker n, as a file. */
  logFile(n: number): string;
  /** Node that leads a partition. */
  leaderOf(topic: string, partition: number): Promise<number>;
  /** Node that is the active controller. */
  controller(): Promise<number>;
  /** With `secure`: a user for SCRAM-SHA-256 and SCRAM-SHA-512; an existing one gets this password. It can log in when this resolves. */
  addUser(name: string, password: string): Promise<void>;
  /** Brokers go by them when it resolves. */
  addAcls(entries: readonly AclEntry[]): Promise<void>;
  /** SIGKILL on broker n (counted from 1). */
  kill9(n: number): Promise<void>;
  /** Broker n hangs, its connections stay open (SIGSTOP), or goes on. */
  freeze(n: number, frozen: boolean): void;
  /** Starts broker n again on its data, after stopping it in order where it still runs. Resolves when it serves. */
  restart(n: number): Promise<void>;
  /** Ends all and removes the data. */
  stop(): Promise<void>;
}

const CLUSTER_ID = '5L6g3nShT-eMCtK--X86sw';
const ADMIN = { username: 'admin', password: 'admin-of-the-tests' };
const READY_MS_MAX = 180_000;
const LOOK_AGAIN_MS = 50;
const HEAP_MB = { test: 320, steady: 1024 };

export async function startKafka(options: KafkaOptions = {}): Promise<TestKafka> {
  const count = options.brokers ?? 1;
  const clock = createSystemClock();
  const root = mkdtempSync(join(tmpdir(), 'countersign-test-kafka-'));
  const caFile = join(root, 'ca.crt');
  const keyStoreFile = join(root, 'server.pem');
  const tls = await makeLoopbackCertificate(clock.now());
  writeFileSync(caFile, tls.certificatePem);
  writeFileSync(keyStoreFile, `${tls.privateKeyPem}\n${tls.certificatePem}`, { mode: 0o600 });

  const free = await freePorts(count * 4);
  const ports: BrokerPorts[] = Array.from({ length: count }, (_, index) => {
    const [plain, controller, sasl, ssl] = free.slice(index * 4);
    return { plain: plain!, controller: controller!, sasl: sasl!, ssl: ssl! };
  });
  const files: BrokerFiles[] = ports.map((_, index) => {
    const folder = join(root, String(index + 1));
    mkdirSync(folder);
    const written = writeBrokerConfig({
      id: index + 1,
      ports,
      folder,
      ...(options.secure === true && { tls: { keyStoreFile, certificateFile: caFile } }),
      settings: options.settings ?? {},
    });
    return { folder, ...written, heapMb: options.steady === true ? HEAP_MB.steady : HEAP_MB.test };
  });
  const running: Broker[] = [];
  const launch = (index: number): void => {
    running[index] = launchBroker(files[index]!, options.steady === true);
  };
  const ready = async (index: number): Promise<void> => {
    const until = clock.monotonicUs() + READY_MS_MAX * 1000;
    while (!running[index]!.ready()) {
      if (clock.monotonicUs() > until)
        throw new Error(`Kafka is not ready:\n${running[index]!.log().slice(-2000)}`);
      await clock.sleep(LOOK_AGAIN_MS);
    }
  };
  // Also where setpriv is not there to do it.
  const endWithUs = (): void => {
    for (const broker of running) if (!broker.ended) process.kill(broker.pid, 'SIGKILL');
  };
  process.once('exit', endWithUs);
  const stop = async (): Promise<void> => {
    process.off('exit', endWithUs);
    // In order only where that is of use: nothing of the data is wanted any more.
    await Promise.all(
      running.map((broker, index) => (broker.archives && index === 0 ? broker.stop() : broker.kill())),
    );
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  };
  const users = options.secure === true ? { [ADMIN.username]: ADMIN.password } : {};
  try {
    await Promise.all(files.map((one) => formatBroker(one, CLUSTER_ID, users)));
    for (const index of files.keys()) launch(index);
    await Promise.all([...files.keys()].map(ready));
  } catch (error) {
    await stop();
    throw error;
  }

  const addresses = (port: (one: BrokerPorts) => number): string[] =>
    ports.map((one) => `127.0.0.1:${port(one)}`);
  const internalBrokers = addresses((one) => one.plain);
  const living = (): { host: string; port: number; sasl: string }[] =>
    ports
      .map(({ plain, sasl }) => ({ host: '127.0.0.1', port: plain, sasl: `127.0.0.1:${sasl}` }))
      .filter((_, index) => !running[index]!.ended);
  const any = (): { host: string; port: number } => living()[0]!;
  return {
    brokers: options.secure === true ? addresses((one) => one.sasl) : internalBrokers,
    certificateBrokers: options.secure === true ? addresses((one) => one.ssl) : [],
    internalBrokers,
    admin: ADMIN,
    caPem: tls.certificatePem,
    caFile,
    clientFile: keyStoreFile,
    logFile: (n) => running[n - 1]!.logFile,
    leaderOf: (topic, partition) => partitionLeader([`127.0.0.1:${any().port}`], topic, partition),
    controller: () => quorumLeader(any()),
    async addUser(username, password) {
      await addScramUser(any(), username, password);
      const sasl = { mechanism: 'scram-sha-512', username, password } as const;
      for (const broker of living())
        await untilLoginPasses({ brokers: [broker.sasl], ssl: { ca: tls.certificatePem }, sasl });
    },
    addAcls: (entries) => addAcls(living(), entries),
    kill9: (n) => running[n - 1]!.kill(),
    freeze: (n, frozen) => running[n - 1]!.freeze(frozen),
    async restart(n) {
      if (!running[n - 1]!.ended) await running[n - 1]!.stop();
      launch(n - 1);
      await ready(n - 1);
    },
    stop,
  };
}
