import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import kafkajs from 'kafkajs';
import { lacking } from '../../available.ts';
import { withAdmin } from '../administration.ts';
import { startKafka, type TestKafka } from '../kafka.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } =
  kafkajs;

describe('a secured Kafka for tests', { skip: lacking('java', 'mvn') }, () => {
  let kafka: TestKafka;
  before(async () => {
    kafka = await startKafka({ secure: true });
  });
  after(() => kafka.stop());

  const login = (username: string, password: string) =>
    new Kafka({
      brokers: [...kafka.brokers],
      ssl: { ca: kafka.caPem },
      sasl: { mechanism: 'scram-sha-512', username, password },
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });

  it('lets a user do what its ACL says, and nothing else', async () => {
    await kafka.addUser('writer', 'secret of writer');
    await withAdmin(kafka.internalBrokers, (admin) =>
      admin.createTopics({ topics: [{ topic: 'mine' }, { topic: 'theirs' }], waitForLeaders: true }),
    );
    await kafka.addAcls([
      {
        principal: 'User:writer',
        host: '*',
        operation: AclOperationTypes.WRITE,
        permissionType: AclPermissionTypes.ALLOW,
        resourceType: AclResourceTypes.TOPIC,
        resourceName: 'mine',
        resourcePatternType: ResourcePatternTypes.LITERAL,
      },
    ]);
    const producer = login('writer', 'secret of writer').producer({ retry: { retries: 3 } });
    await producer.connect();
    const messages = [{ value: 'hello' }];
    const [sent] = await producer.send({ topic: 'mine', messages });
    assert.equal(sent!.topicName, 'mine');
    await assert.rejects(producer.send({ topic: 'theirs', messages }), /not authorized/i);
    await producer.disconnect();
  });

  it('refuses a wrong password', async () => {
    const admin = login('writer', 'wrong').admin();
    await assert.rejects(admin.connect(), /authentication/i);
  });

  it('keeps its data over a kill', async () => {
    await kafka.kill9(1);
    await kafka.restart(1);
    const topics = await withAdmin(kafka.internalBrokers, (admin) => admin.listTopics());
    assert.ok(topics.includes('mine'));
    assert.equal(await kafka.leaderOf('mine', 0), 1);
    assert.equal(await kafka.controller(), 1);
  });
});
