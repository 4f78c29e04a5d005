/** The rights of the roles in Kafka (deploy/setup/kafka-acls.txt), tried one by one on a secured broker: what a role needs, and nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Value from 'typebox/value';
import { topicOptions } from '../../main/topics.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { createKafkaEventLog } from '../../platform/event-log/kafka/kafka-event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { KafkaConfig } from '../../schemas/config/kafka.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { aclEntries } from '../compose/kafka-acls.ts';
import { lacking } from '../servers/available.ts';
import { startKafka, type TestKafka } from '../servers/kafka/kafka.ts';

type Name = keyof typeof TOPICS;
interface Rights {
  readonly reads: readonly Name[];
  readonly writes: readonly Name[];
  /** Names of writers as the role makes them: whoever has another's name fences it. */
  readonly writers: readonly string[];
  readonly groups: readonly string[];
}
const ALL = Object.keys(TOPICS) as Name[];

/** As the code of each role needs it; written down here once more, so that no slip of the table passes. */
const RIGHTS: Readonly<Record<string, Rights>> = {
  gateway: {
    reads: ALL,
    writes: [
      'sessionEvents',
      'sessionData',
      'control',
      'responses',
      'detections',
      'incidents',
      'deadLetters',
    ],
    writers: ['gateway/g', 'control-api/g', 'import/g', 'outbox', 'dead-letters/gateway/g'],
    groups: [],
  },
  detectors: {
    reads: ['sessionEvents', 'rekeyedEvents', 'detectorState', 'incidents'],
    writes: ['detections', 'verdicts', 'rekeyedEvents', 'detectorState', 'deadLetters'],
    writers: ['detectors/d', 'detector-state/engine/0'],
    groups: ['countersign.detectors', 'countersign.detectors.rekeyed-target'],
  },
  responders: {
    reads: ['detections', 'incidents', 'responses', 'control'],
    writes: ['incidents', 'responses', 'verdicts', 'deadLetters'],
    writers: ['responders/r', 'dead-letters/responders/r'],
    groups: ['countersign-responders'],
  },
  ingest: {
    reads: ['sessionEvents', 'sessionData', 'detections', 'incidents', 'responses', 'control', 'deadLetters'],
    writes: ['deadLetters'],
    writers: ['dead-letters/ingest/i', 'dead-letters/sinks/i'],
    groups: ['countersign.ingest.detections', 'countersign.sink.siem.detections'],
  },
};
const ROLES = Object.keys(RIGHTS);

/** True where it works, false where Kafka does not allow it; anything else fails the test. */
async function allowed(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    assert.ok(isCountersignError(error, 'EVENT_LOG_NOT_ALLOWED'), String(error));
    return false;
  }
}

async function reads(log: EventLog, topic: string): Promise<void> {
  let failure: unknown;
  let seen = 0;
  const reader = await log.read({
    topic,
    onRecords: (records) => void (seen += records.length),
    onFailure: (error) => (failure = error),
  });
  await reader.caughtUp().catch((error: unknown) => (failure ??= error));
  await reader.close();
  if (failure !== undefined) throw failure;
  assert.ok(seen > 0, `${topic} has a record`);
}

/** Resolves when it has been given a record as a member of the group. */
function joins(log: EventLog, group: string, topic: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const consuming = log.consume({
      group,
      topics: [topic],
      startAt: 'earliest',
      batchRecordsMax: 1,
      commit: 'after-batch',
      onBatch: () => {
        resolve();
        return Promise.resolve();
      },
      onFailure: reject,
    });
    consuming.catch(reject);
  });
}

describe('rights in Kafka', { skip: lacking('java', 'mvn'), timeout: 240_000 }, () => {
  let kafka: TestKafka;
  const logs = new Map<string, EventLog>();
  const open = (settings: object): Promise<EventLog> =>
    createKafkaEventLog(
      {
        clock: createSystemClock(),
        random: createSystemRandom(),
        log: silentLogger,
        metrics: createPromMetrics(),
        readSecret: () => Promise.resolve('password-of-the-role'),
      },
      Value.Default(KafkaConfig, { replicas: 1, inSyncReplicasMin: 1, ...settings }) as KafkaConfig,
    );
  before(async () => {
    kafka = await startKafka({ secure: true });
    const admin = await open({ brokers: [...kafka.internalBrokers] });
    await admin.ensureTopics(topicOptions(1));
    const writer = await admin.writer('seed');
    for (const { name } of Object.values(TOPICS))
      await writer.append(name, [{ key: 'k', value: Buffer.of(1) }]);
    await admin.close();
    await kafka.addAcls(aclEntries());
    for (const role of ROLES) {
      await kafka.addUser(`countersign-${role}`, 'password-of-the-role');
      const login = { mechanism: 'scram-sha-512', username: `countersign-${role}`, password: { env: 'X' } };
      logs.set(role, await open({ brokers: [...kafka.brokers], tls: { caFile: kafka.caFile }, login }));
    }
  });
  after(async () => {
    for (const log of logs.values()) await log.close();
    await kafka?.stop();
  });

  for (const role of ROLES) {
    const { reads: mayRead, writes: mayWrite, writers, groups } = RIGHTS[role]!;
    const [first] = writers;

    it(`${role}: checks the topics at its start, and makes none elsewhere`, async () => {
      const log = logs.get(role)!;
      await log.ensureTopics(topicOptions(1));
      const other = { name: 'elsewhere', partitions: 1, cleanup: 'delete' as const };
      assert.equal(await allowed(() => log.ensureTopics([other])), false);
    });

    it(`${role}: reads ${mayRead === ALL ? 'all topics' : mayRead.join(', ')}`, async () => {
      for (const name of ALL)
        assert.equal(
          await allowed(() => reads(logs.get(role)!, TOPICS[name].name)),
          mayRead.includes(name),
          name,
        );
    });

    it(`${role}: writes ${mayWrite.join(', ')}`, async () => {
      for (const name of ALL) {
        const append = async (): Promise<void> => {
          const writer = await logs.get(role)!.writer(first!);
          await writer.append(TOPICS[name].name, [{ key: 'k', value: Buffer.of(2) }]);
        };
        assert.equal(await allowed(append), mayWrite.includes(name), name);
      }
    });

    it(`${role}: takes its own names and joins its own groups`, async () => {
      const log = logs.get(role)!;
      for (const other of ROLES) {
        for (const name of RIGHTS[other]!.writers)
          assert.equal(await allowed(() => log.writer(name)), other === role, `writer ${name}`);
        for (const group of RIGHTS[other]!.groups) {
          const readable =
            TOPICS[RIGHTS[other]!.reads.find((name) => mayRead.includes(name)) ?? 'detections'].name;
          assert.equal(await allowed(() => joins(log, group, readable)), other === role, `group ${group}`);
        }
      }
      assert.equal(new Set(groups).size, groups.length);
    });
  }
});
