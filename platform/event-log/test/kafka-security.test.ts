/** Logging in, certificates, rights, what is said when they are wrong, and topics that are not as they should be. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import kafkajs from 'kafkajs';
import { lacking } from '../../../test/servers/available.ts';
import { withAdmin } from '../../../test/servers/kafka/administration.ts';
import { startKafka, type TestKafka } from '../../../test/servers/kafka/kafka.ts';
import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Logger } from '../../log/log.ts';
import { openKafka } from '../kafka/test/harness.ts';
import { makeTopic, readAll, record, startConsumer, text } from './support.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
type ResourceType = kafkajs.AclResourceTypes;
type Operation = kafkajs.AclOperationTypes;
const byText = (one: string | null, other: string | null): number => String(one).localeCompare(String(other));
const PASSWORD = 'correct horse battery staple';

/** Keeps all that is said, as text. */
function listeningLogger(): { log: Logger; said(): string } {
  const lines: string[] = [];
  const write = (fields: object, message: string): void => {
    const plain = (_: string, value: unknown): unknown =>
      value instanceof Error ? `${value.message} ${value.stack} ${String(value.cause)}` : value;
    lines.push(`${message} ${JSON.stringify(fields, plain)}`);
  };
  const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, said: () => lines.join('\n') };
}

describe('event log on a secured Kafka', { skip: lacking('java', 'mvn') }, () => {
  let kafka: TestKafka;
  before(async () => {
    kafka = await startKafka({ secure: true });
    await kafka.addUser('role', PASSWORD);
  });
  after(() => kafka.stop());

  const settings = (username: string): Partial<KafkaConfig> & { brokers: string[] } => ({
    brokers: [...kafka.brokers],
    tls: { caFile: kafka.caFile },
    login: { mechanism: 'scram-sha-512', username, password: { env: 'UNUSED' } },
    requestTimeoutMs: 1000,
    appendTimeoutMs: 5000,
  });
  const allow = (
    prefix: string,
    type: ResourceType,
    operations: readonly Operation[],
    name = prefix,
  ): Promise<void> =>
    kafka.addAcls(
      operations.map((operation) => ({
        principal: 'User:role',
        host: '*',
        operation,
        permissionType: AclPermissionTypes.ALLOW,
        resourceType: type,
        resourceName: name,
        resourcePatternType: ResourcePatternTypes.PREFIXED,
      })),
    );

  for (const client of ['kafkajs', 'platformatic'] as const)
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const)
      it(`${client} writes and reads over TLS with ${mechanism}, and names no secret`, async () => {
        const { log, said } = listeningLogger();
        const login = { mechanism, username: kafka.admin.username, password: { env: 'UNUSED' } };
        const given = { ...settings('admin'), client, login };
        const harness = await openKafka(given, { log, password: kafka.admin.password });
        await makeTopic(harness.log, 'things');
        await (await harness.log.writer('w')).append('things', [record('k', 'v')]);
        assert.deepEqual((await readAll(harness.log, 'things')).map(text), ['v']);
        await harness.end();
        assert.ok(!said().includes(kafka.admin.password));
      });

  for (const client of ['kafkajs', 'platformatic'] as const) {
    it(`${client} says when the password is wrong, without it`, async () => {
      const { log, said } = listeningLogger();
      const opening = openKafka({ ...settings('role'), client }, { log, password: 'wrong-password' });
      await assert.rejects(opening, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'EVENT_LOG_LOGIN_REFUSED');
        assert.ok(!`${error.message} ${error.stack}`.includes('wrong-password'));
        return true;
      });
      assert.ok(!said().includes('wrong-password'));
    });

    it(`${client} refuses a broker whose certificate it cannot check`, async () => {
      const opening = openKafka({ ...settings('role'), client, tls: {} }, { password: PASSWORD });
      await assert.rejects(opening, { code: 'EVENT_LOG_UNREACHABLE', message: /certificate/i });
    });

    it(`${client} says that nobody is there`, async () => {
      const given = { client, brokers: ['127.0.0.1:1'], requestTimeoutMs: 500 };
      await assert.rejects(openKafka(given), { code: 'EVENT_LOG_UNREACHABLE' });
    });
  }

  for (const client of ['kafkajs', 'platformatic'] as const)
    it(`${client} shows its certificate, and has the rights of the name in it`, async () => {
      const tls = { caFile: kafka.caFile, certificateFile: kafka.clientFile, keyFile: kafka.clientFile };
      const { log, config, end } = await openKafka({ client, brokers: [...kafka.certificateBrokers], tls });
      await assert.rejects(makeTopic(log, 'things'), { code: 'EVENT_LOG_NOT_ALLOWED' });
      await kafka.addAcls(
        [AclOperationTypes.CREATE, AclOperationTypes.DESCRIBE, AclOperationTypes.DESCRIBE_CONFIGS].map(
          (operation) => ({
            principal: 'User:CN=countersign on localhost',
            host: '*',
            operation,
            permissionType: AclPermissionTypes.ALLOW,
            resourceType: AclResourceTypes.TOPIC,
            resourceName: config.prefix,
            resourcePatternType: ResourcePatternTypes.PREFIXED,
          }),
        ),
      );
      await makeTopic(log, 'things', 2);
      assert.equal(await log.partitions('things'), 2);
      await end();
      const without = openKafka({
        client,
        brokers: [...kafka.certificateBrokers],
        tls: { caFile: kafka.caFile },
        requestTimeoutMs: 500,
      });
      await assert.rejects(without, { code: 'EVENT_LOG_UNREACHABLE' });
    });

  it('does what its rights allow and says what they do not', async () => {
    const role = await openKafka(settings('role'), { password: PASSWORD });
    const admin = await openKafka(
      { ...settings('admin'), prefix: role.config.prefix },
      { password: kafka.admin.password },
    );
    const { prefix } = role.config;
    const notAllowed = { code: 'EVENT_LOG_NOT_ALLOWED' };
    await assert.rejects(makeTopic(role.log, 'things'), notAllowed);
    await makeTopic(admin.log, 'things');
    await makeTopic(admin.log, 'others');
    await assert.rejects(role.log.writer('w'), notAllowed);
    const { TOPIC, TRANSACTIONAL_ID, GROUP } = AclResourceTypes;
    const { READ, WRITE, DESCRIBE } = AclOperationTypes;
    await allow(`${prefix}w`, TRANSACTIONAL_ID, [WRITE, DESCRIBE]);
    const writer = await role.log.writer('w');
    await assert.rejects(writer.append('others', [record('k', 'v')]), notAllowed);
    await allow(`${prefix}things`, TOPIC, [WRITE, READ, DESCRIBE]);
    await writer.append('things', [record('k', 'v')]);
    assert.deepEqual((await readAll(role.log, 'things')).map(text), ['v']);
    await assert.rejects(startConsumer(role.log, { topics: ['things'], group: 'g' }), notAllowed);
    await allow(`${prefix}g`, GROUP, [READ]);
    const { consumer, seen } = await startConsumer(role.log, { topics: ['things'], group: 'g' });
    assert.deepEqual((await seen.count(1)).map(text), ['v']);
    await consumer.close();
    await Promise.all([role.end(), admin.end()]);
  });

  it('names all in which a topic differs', async () => {
    const { log, config, end } = await openKafka({ brokers: [...kafka.internalBrokers] });
    const topic = `${config.prefix}old`;
    await withAdmin(kafka.internalBrokers, (admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions: 2,
            configEntries: [
              { name: 'retention.ms', value: '1000' },
              { name: 'max.message.bytes', value: '2000' },
            ],
          },
        ],
      }),
    );
    await assert.rejects(
      log.ensureTopics([{ name: 'old', partitions: 3, cleanup: 'compact' }]),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'EVENT_LOG_TOPIC_MISMATCH');
        assert.match(error.message, /2 partitions.*cleanup\.policy=delete.*max\.message\.bytes=2000/);
        assert.match(error.message, /3 partitions.*cleanup\.policy=compact/);
        return true;
      },
    );
    await assert.rejects(
      log.ensureTopics([{ name: 'old', partitions: 2, cleanup: 'delete', retentionMs: 5000 }]),
      {
        code: 'EVENT_LOG_TOPIC_MISMATCH',
        message: /retention\.ms=1000.*retention\.ms=5000/,
      },
    );
    const demanding = await openKafka({ brokers: [...kafka.internalBrokers], replicas: 2 });
    await assert.rejects(makeTopic(demanding.log, 'too-many'), {
      code: 'EVENT_LOG_TOPIC_INVALID',
      message: /replication factor/i,
    });
    await demanding.end();
    const never = await openKafka({ brokers: [...kafka.internalBrokers], inSyncReplicasMin: 2 });
    await assert.rejects(makeTopic(never.log, 'never-written'), {
      code: 'EVENT_LOG_TOPIC_INVALID',
      message: /inSyncReplicasMin 2 is more than replicas 1/,
    });
    await never.end();
    await end();
  });

  for (const compression of ['gzip', 'zstd'] as const)
    it(`batches packed with ${compression} are taken by the broker and read again`, async () => {
      const given = { brokers: [...kafka.internalBrokers], compression, compressFromBytes: 0 };
      const { log, end } = await openKafka(given);
      await makeTopic(log, 'packed', 3);
      const writer = await log.writer('w');
      const values = Array.from({ length: 2000 }, (_, index) => `value ${index} `.repeat(20));
      await writer.append(
        'packed',
        values.map((value, index) => record(`k${index}`, value)),
      );
      assert.deepEqual((await readAll(log, 'packed')).map(text).toSorted(byText), values.toSorted(byText));
      await end();
    });

  it('hands on what another program packed in a way that cannot be read, says so, and goes on', async () => {
    const listening = listeningLogger();
    const { log, config, end } = await openKafka(
      { brokers: [...kafka.internalBrokers] },
      { log: listening.log },
    );
    await makeTopic(log, 'poisoned');
    const writer = await log.writer('w');
    await writer.append('poisoned', [record('k', 'before')]);
    const producer = new kafkajs.Kafka({
      brokers: [...kafka.internalBrokers],
      logLevel: kafkajs.logLevel.NOTHING,
    }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    // Snappy's own form of one literal: the length, a tag, the bytes.
    kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = () => ({
      async compress({ buffer }: { buffer: Buffer }) {
        return Buffer.concat([Buffer.from([buffer.length, (buffer.length - 1) << 2]), buffer]);
      },
      async decompress(buffer: Buffer) {
        return buffer;
      },
    });
    await producer.connect();
    const topic = `${config.prefix}poisoned`;
    await producer.send({ topic, compression: kafkajs.CompressionTypes.Snappy, messages: [{ value: 'x' }] });
    await producer.disconnect();
    await writer.append('poisoned', [record('k', 'after')]);
    const { seen, consumer } = await startConsumer(log, { topics: ['poisoned'] });
    const [before, poison, behind] = await seen.count(3);
    assert.deepEqual(
      [before, behind].map((one) => text(one!)),
      ['before', 'after'],
    );
    assert.match(poison!.headers['unreadable']!, /snappy/);
    assert.match(listening.said(), /offset 1 of poisoned\/0.*snappy/);
    await consumer.close();
    await end();
  });
});
