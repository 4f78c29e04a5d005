/** A rate of an identity over two gateways that are processes of their own, on real Kafka and PostgreSQL, by a real client. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../test/servers/available.ts';
import { startKafka, type TestKafka } from '../../test/servers/kafka/kafka.ts';
import { until } from '../../test/support/until.ts';
import { connectClient, makeLogin } from './support/clients.ts';
import { createCluster, type Cluster } from './support/cluster.ts';
import { startTarget, type TestTarget } from './support/target.ts';

const MOST = 500;

describe('rates over gateways', { timeout: 300_000, skip: lacking('java', 'mvn') }, () => {
  let target: TestTarget;
  let kafka: TestKafka;
  let cluster: Cluster;
  before(async () => {
    [target, kafka] = await Promise.all([startTarget(), startKafka()]);
    cluster = await createCluster(target, {
      brokers: kafka.brokers,
      // Nothing is searched for here.
      elasticsearch: { nodes: ['http://127.0.0.1:9'], indexPrefix: 'rates' },
      gateways: 2,
      settings: {
        policy: {
          rules: [
            {
              name: 'slowly',
              outcome: 'allow',
              reason: 'Some at a time.',
              rate: { requestsPerMinuteMax: MOST },
            },
          ],
        },
      },
    });
  });
  after(async () => {
    await cluster?.stop();
    await Promise.all([target?.stop(), kafka?.stop()]);
  });

  it('an identity that spreads its requests is stopped, wherever it goes on; others are not', async () => {
    const [first, second] = await Promise.all([cluster.gateway(0), cluster.gateway(1)]);
    const greedy = await makeLogin(first.api, 'greedy');
    const modest = await makeLogin(first.api, 'modest');
    const one = await connectClient(first.listener, greedy);
    const two = await connectClient(second.listener, greedy);
    for (let asked = 0; asked < MOST; asked += 1) await one.query('select 1');
    let allowed = 0;
    let refusal: Error | undefined;
    await until(
      'the other gateway knows',
      async () => {
        try {
          await two.query('select 1');
          allowed += 1;
          assert.ok(allowed < MOST / 2, 'it is not what it asked for here');
        } catch (error) {
          refusal = error as Error;
        }
        return refusal !== undefined;
      },
      { pauseMs: 250 },
    );
    assert.match(refusal!.message, /Some at a time.*more than 500 requests a minute of this identity/);
    await assert.rejects(one.query('select 1'), /more than 500 requests a minute/);
    const other = await connectClient(second.listener, modest);
    assert.equal((await other.query('select 1 as one')).rows[0].one, 1);
    await Promise.all([one.end(), two.end(), other.end()]);
  });
});
