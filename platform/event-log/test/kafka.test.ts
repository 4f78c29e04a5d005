import { after, before, describe } from 'node:test';
import { lacking } from '../../../test/servers/available.ts';
import { startKafka, type TestKafka } from '../../../test/servers/kafka/kafka.ts';
import { openKafka } from '../kafka/test/harness.ts';
import { describeEventLog } from './conformance.ts';

describe('event log on Kafka', { skip: lacking('java', 'mvn') }, () => {
  let kafka: TestKafka;
  before(async () => {
    kafka = await startKafka();
  });
  after(() => kafka.stop());

  for (const client of ['kafkajs', 'platformatic'] as const)
    describeEventLog(`Kafka by ${client}`, () => openKafka({ client, brokers: [...kafka.brokers] }));
});
