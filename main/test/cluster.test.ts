/** Every role as a process of its own, several copies of each, on real Kafka, PostgreSQL and Elasticsearch. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { openKafka } from './support/kafka-log.ts';
import { attackedHistory } from '../../detectors/test/support/history.ts';

import type { EventLog, NewRecord } from '../../platform/event-log/event-log.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { lacking } from '../../test/servers/available.ts';
import {
  startElasticsearch,
  type TestElasticsearch,
} from '../../test/servers/elasticsearch/elasticsearch.ts';
import { startKafka, type TestKafka } from '../../test/servers/kafka/kafka.ts';
import { connectClient, makeLogin } from './support/clients.ts';
import { createCluster, type Cluster, type ClusterProcess, type GatewayProcess } from './support/cluster.ts';
import { livedDetections, passedOffsets, readDetections, readTopic } from './support/detections.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';
import { lockoutsOf, untilInForce } from './support/lockouts.ts';
import { OFFENDING, openSchool, type Victim } from './support/victim.ts';

const PARTITIONS = 4;
const ACTORS = 5;
const events = createCodec('session-event');

/** Weeks of several actors, some of them robbed at the end, as they would stand in the log. */
function story(): NewRecord[] {
  const all = Array.from({ length: ACTORS }, (_, number) => attackedHistory(100 + number, 7));
  return all
    .flatMap(({ history, attack }) => [...history, ...attack])
    .sort((one, other) => one.time - other.time)
    .map((event) => ({ key: event.identity!.id, value: events.encode(event) }));
}

describe('cluster', { timeout: 300_000, skip: lacking('java', 'mvn', 'elasticsearch') }, () => {
  let target: TestTarget;
  let kafka: TestKafka;
  let elasticsearch: TestElasticsearch;
  let cluster: Cluster;
  let eventLog: EventLog;
  let observer: pg.Client;
  const gateways: GatewayProcess[] = [];
  const detectors: ClusterProcess[] = [];
  const others: ClusterProcess[] = [];

  before(async () => {
    [target, kafka, elasticsearch] = await Promise.all([startTarget(), startKafka(), startElasticsearch()]);
    observer = await target.direct();
    cluster = await createCluster(target, {
      brokers: kafka.brokers,
      elasticsearch: { nodes: [elasticsearch.url], indexPrefix: 'cluster' },
      gateways: 2,
      settings: { gateway: { drainMs: 30_000 }, health: { awayMs: 3000 } },
    });
    // All at once: none may depend on another for its start.
    const starting = [cluster.start('detectors'), cluster.start('detectors')];
    gateways.push(...(await Promise.all([cluster.gateway(0), cluster.gateway(1)])));
    detectors.push(...(await Promise.all(starting)));
    eventLog = await openKafka(kafka.brokers);
  });
  after(async () => {
    await observer?.end();
    await eventLog?.close();
    await cluster?.stop();
    await Promise.all([target?.stop(), kafka?.stop(), elasticsearch?.stop()]);
  });

  const backends = async (pid: number): Promise<number> =>
    (await observer.query('select 1 from pg_stat_activity where pid = $1', [pid])).rowCount!;
  const rob = async (through: GatewayProcess, victim: Victim): Promise<number> => {
    const client = await connectClient(through.listener, victim.login, { ip: victim.elsewhere });
    const found = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { message } = await failureOf(client.query(OFFENDING));
    assert.match(message, /locked out|terminated/i);
    return found.rows[0]!.pid;
  };

  it('a detector killed in the middle of a stream: the detections are those of one that lived, id by id', async () => {
    const records = story();
    const writer = await eventLog.writer('story');
    const before = await eventLog.endOffsets(TOPICS.sessionEvents.name);
    const half = Math.floor(records.length / 2);
    const append = async (some: readonly NewRecord[]): Promise<void> => {
      for (let at = 0; at < some.length; at += 500)
        await writer.append(TOPICS.sessionEvents.name, some.slice(at, at + 500));
    };
    await append(records.slice(0, half));
    await until('the detectors are on their way', async () => {
      const passed = await passedOffsets(eventLog);
      return before.some((start, partition) => (passed.get(partition) ?? -1) > start);
    });
    await detectors.shift()!.kill9();
    await append(records.slice(half));
    const ends = await eventLog.endOffsets(TOPICS.sessionEvents.name);
    await until('every partition was passed to its end', async () => {
      const passed = await passedOffsets(eventLog);
      return ends.every((end, partition) => (passed.get(partition) ?? -1) >= end - 1);
    });
    const byId = (detections: readonly { detectionId: string; detector: string; reason: string }[]) =>
      Object.fromEntries(detections.map((one) => [one.detectionId, `${one.detector}: ${one.reason}`]));
    const mine = new Set(records.map(({ key }) => key));
    const said = (await readDetections(eventLog)).filter(({ identityId }) => mine.has(identityId));
    const expected = await livedDetections(records, PARTITIONS);
    assert.ok(expected.length > 20, `${expected.length} detections`);
    assert.deepEqual(byId(said), byId(expected));
    await writer.close();
    const [survivor] = detectors;
    assert.ok((await survivor!.metric('countersign_detectors_restore_ms_count')) >= 4);
    assert.deepEqual((await survivor!.health()).ready, true);
  });

  it('a stolen token used through one gateway is cut off, and locked out on both', async () => {
    const [first, second] = gateways as [GatewayProcess, GatewayProcess];
    others.push(
      ...(await Promise.all([
        cluster.start('responders'),
        cluster.start('responders'),
        cluster.start('ingest'),
        cluster.start('detectors'),
      ])),
    );
    const school = await openSchool(first);
    const victim = await school.victim({ number: 1, seed: 1, days: 10, hour: 13 });
    await school.close();
    const pid = await rob(first, victim);
    await until('the backend is gone', async () => (await backends(pid)) === 0);
    // The session may end before the other gateway has heard of it; from "in force" on, all have.
    await untilInForce(first.api, victim.login.identityId);
    for (const gateway of [first, second]) {
      const again = await failureOf(connectClient(gateway.listener, victim.login, { ip: victim.home }));
      assert.match(again.message, /locked out/i, gateway.told.process);
      const lockout = (await lockoutsOf(gateway.api)).find(
        ({ subject }) => subject === victim.login.identityId,
      );
      assert.equal(lockout?.state, 'in_force');
      assert.equal(lockout.createdBy, 'responders');
    }
  });

  it('the gateway that responders call first is killed: the next attack is contained through the other one', async () => {
    const [first, second] = gateways as [GatewayProcess, GatewayProcess];
    const bystander = await makeLogin(second.api, 'bystander', { kind: 'human' });
    const lost = await connectClient(first.listener, bystander);
    await lost.query('select 1');
    await first.kill9();
    const late = await openSchool(second);
    const victim = await late.victim({ number: 2, seed: 1, days: 10, hour: 13 });
    await late.close();
    const pid = await rob(second, victim);
    await until('the backend is gone', async () => (await backends(pid)) === 0);
    for (const other of others) assert.equal((await other.health()).ready, true, other.told.process);
    const again = await cluster.gateway(0);
    gateways[0] = again;
    const refused = await failureOf(connectClient(again.listener, victim.login, { ip: victim.home }));
    assert.match(refused.message, /locked out/i);
    await until('the session that it lost is closed', async () => {
      const { items } = await again.api.get<{ items: { document: Record<string, unknown> }[] }>(
        '/v1/events',
        {
          identity: bystander.identityId,
          kind: 'session_closed',
        },
      );
      return items.some(({ document }) => document['countersign.session.close_reason'] === 'gateway_lost');
    });
  });

  it('Kafka away: no process is ready, and says so; Kafka back: all are, and the loop closes as before', async () => {
    const [first] = gateways as [GatewayProcess, GatewayProcess];
    const all = [...gateways, ...detectors, ...others];
    const readiness = async (): Promise<readonly boolean[]> =>
      Promise.all(all.map(async (one) => (await one.health()).ready));
    await kafka.kill9(1);
    await until('none is ready', async () => (await readiness()).every((ready) => !ready));
    await kafka.restart(1);
    await until('all are ready', async () => (await readiness()).every((ready) => ready));
    const school = await openSchool(first);
    const victim = await school.victim({ number: 3, seed: 1, days: 10, hour: 13 });
    await school.close();
    await rob(first, victim);
  });

  it('a gateway told to end takes no more sessions, is not ready, and lets the open one finish', async () => {
    const [, second] = gateways as [GatewayProcess, GatewayProcess];
    const login = await makeLogin(second.api, 'worker', { kind: 'human' });
    const client = await connectClient(second.listener, login);
    const running = client.query<{ done: string }>(`select pg_sleep(2), 'done' as done`);
    await until('the target runs it', async () => {
      const found = await observer.query(
        "select 1 from pg_stat_activity where query like '%pg_sleep(2)%' and state = 'active' and pid <> pg_backend_pid()",
      );
      return found.rowCount! > 0;
    });
    const gone = second.end();
    await until('it says that it is not ready', async () => !(await second.health()).ready);
    const { code } = await failureOf(connectClient(second.listener, login));
    assert.equal(code, 'ECONNREFUSED');
    assert.equal((await running).rows[0]!.done, 'done');
    await client.end();
    assert.equal(await gone, 0);
  });

  it('everything is in the index, once; all others end in order', async () => {
    const written = new Set<string>();
    const ids = async (): Promise<Set<string>> => {
      for (const { eventId } of await readTopic(eventLog, TOPICS.sessionEvents.name, events.decode))
        written.add(eventId);
      return written;
    };
    const count = async (): Promise<number> => {
      await elasticsearch.request('POST', 'cluster-session-events/_refresh');
      const answer = await elasticsearch.request('GET', 'cluster-session-events/_count');
      return (answer as unknown as { count: number }).count;
    };
    // The gateway that still runs writes heartbeats: what it writes last comes with its end.
    assert.equal(await gateways[0]!.end(), 0);
    await until('the index has as many as the log', async () => (await count()) === (await ids()).size);
    assert.ok(written.size > 1000, `${written.size} events`);
    const ended = await Promise.all([...detectors, ...others].map((one) => one.end()));
    assert.deepEqual(new Set(ended), new Set([0]));
  });
});
