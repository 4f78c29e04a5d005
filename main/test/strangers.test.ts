/** Installations with a control store of their own on one log: the second is refused, and one that comes later is seen. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { attackedHistory } from '../../detectors/test/support/history.ts';
import { openEmbedded } from '../../platform/event-log/embedded/test/harness.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { lacking } from '../../test/servers/available.ts';
import { startKafka, type TestKafka } from '../../test/servers/kafka/kafka.ts';
import { watchStrangers } from '../strangers.ts';
import { topicOptions } from '../topics.ts';
import { startTestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';

const codec = createCodec('session-event');

describe('strangers on the log', () => {
  const setUp = async () => {
    const { log: eventLog, clock, end } = openEmbedded();
    await eventLog.ensureTopics(topicOptions(2));
    const writer = await eventLog.writer('w');
    const [sample] = attackedHistory(1, 1).history;
    /** What a gateway wrote so long ago. */
    const wrote = async (id: string, agoMs: number, origin: 'gateway' | 'import' = 'gateway') => {
      const event = { ...sample!, origin, time: clock.now() - agoMs, gateway: { ...sample!.gateway, id } };
      await writer.append(TOPICS.sessionEvents.name, [{ key: id, value: codec.encode(event) }]);
    };
    const watch = () =>
      watchStrangers({ eventLog, clock, log: silentLogger }, { gatewayId: 'mine', heartbeatMs: 10_000 });
    return { clock, wrote, watch, end };
  };

  it('its own records, old ones and imports are nobody else', async () => {
    const { wrote, watch, end } = await setUp();
    await wrote('mine', 0);
    await wrote('long-gone', 3_600_000);
    await wrote('importer', 0, 'import');
    const watching = await watch();
    assert.equal(watching.problem(), undefined);
    watching.stop();
    await end();
  });

  it('another gateway that lives is refused by name', async () => {
    const { wrote, watch, end } = await setUp();
    await wrote('other', 12_000);
    await assert.rejects(watch(), { code: 'CLUSTER_STORE_NOT_SHARED', message: /other wrote .* 12 s ago/ });
    await end();
  });

  it('one that comes later makes it unready, as long as it is there', async () => {
    const { clock, wrote, watch, end } = await setUp();
    const watching = await watch();
    await wrote('other', 0);
    clock.advance(20_000);
    await until('it is seen', () => watching.problem() !== undefined);
    assert.match(watching.problem()!, /gateway other/);
    clock.advance(20_000);
    await until('it is gone', () => watching.problem() === undefined);
    watching.stop();
    await end();
  });
});

describe('two installations on one Kafka', { timeout: 120_000, skip: lacking('java', 'mvn') }, () => {
  let target: TestTarget;
  let kafka: TestKafka;
  before(async () => {
    [target, kafka] = await Promise.all([startTarget(), startKafka()]);
  });
  after(async () => {
    await Promise.all([target?.stop(), kafka?.stop()]);
  });

  it('with a file each: the second is refused, unless its topics are its own', async () => {
    const start = (id: string, prefix: string) =>
      startTestInstallation(target, {
        COUNTERSIGN_EVENT_LOG__KIND: 'kafka',
        COUNTERSIGN_EVENT_LOG__KAFKA: JSON.stringify({
          brokers: kafka.brokers,
          prefix,
          replicas: 1,
          inSyncReplicasMin: 1,
        }),
        COUNTERSIGN_GATEWAY__ID: id,
        COUNTERSIGN_GATEWAY__HEARTBEAT_MS: '500',
      });
    const first = await start('one', '');
    try {
      await until('its heartbeats are in the log', async () => {
        const refused = await failureOf(
          start('two', '').then(async (second) => {
            await second.stop();
            throw new Error('not yet');
          }),
        );
        return refused.code === 'CLUSTER_STORE_NOT_SHARED';
      });
      const apart = await start('two', 'two.');
      await apart.stop();
    } finally {
      await first.stop();
    }
  });
});
