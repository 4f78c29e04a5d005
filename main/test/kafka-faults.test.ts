/**
 * Two gateways, whose clocks are five seconds apart, with detectors and responders as processes of their own on a real broker: holds for the
 * verdict, detectors that die, a log that is slow, and one that is away. TEST_KAFKA_AWAY_MS: how long it is away.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { LockoutAnswer } from '../../schemas/api/lockouts.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { lacking } from '../../test/servers/available.ts';
import { startKafka, type TestKafka } from '../../test/servers/kafka/kafka.ts';
import { connectClient, makeLogin, type Login } from './support/clients.ts';
import { createCluster, type Cluster, type ClusterProcess, type GatewayProcess } from './support/cluster.ts';
import { passedOffsets, readDetections, readTopic } from './support/detections.ts';
import { openKafka } from './support/kafka-log.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';
import { lockoutsOf, untilInForce } from './support/lockouts.ts';
import { openSchool } from './support/victim.ts';

const AWAY_MS = Number(process.env['TEST_KAFKA_AWAY_MS'] ?? '12000');
const CLOCKS_AHEAD_MS = [0, 5000];
const HOLD_MS = 2000;
/** How long the broker stands still each time; four times as much is far more than the configured hold. */
const FROZEN_MS = 1500;
const RULES = [
  {
    name: 'writes-held',
    kinds: ['service_account'],
    actions: ['write', 'drop'],
    outcome: 'hold_verdict',
    reason: 'writes of machines wait for the detectors',
  },
  { name: 'rest', outcome: 'allow', reason: 'because' },
];
/** A lockout revokes the tokens, too. */
const REFUSED = /locked out|revoked/i;
const LAGGING = 'countersign_detection_lagging';
const events = createCodec('session-event');

describe('faults on Kafka', { timeout: 420_000, skip: lacking('java', 'mvn') }, () => {
  let target: TestTarget;
  let kafka: TestKafka;
  let cluster: Cluster;
  let eventLog: EventLog;
  let observer: pg.Client;
  let gateways: GatewayProcess[];
  let detectors: ClusterProcess;
  let responders: ClusterProcess;

  before(async () => {
    [target, kafka] = await Promise.all([startTarget(), startKafka()]);
    observer = await target.direct();
    await observer.query(
      'create table kept (n int); alter table kept owner to app; create table stolen (n int); alter table stolen owner to app',
    );
    cluster = await createCluster(target, {
      brokers: kafka.brokers,
      // Nobody listens there: what is indexed is another test's.
      elasticsearch: { nodes: ['http://127.0.0.1:9'], indexPrefix: 'none' },
      gateways: 2,
      gatewayClocksAheadMs: CLOCKS_AHEAD_MS,
      settings: {
        gateway: { holdMs: HOLD_MS },
        health: { awayMs: 3000 },
        policy: { rules: RULES },
        eventLog: {
          kind: 'kafka',
          kafka: {
            brokers: kafka.brokers,
            replicas: 1,
            inSyncReplicasMin: 1,
            // Shorter than the log is away: what has gone out must not go out again.
            appendTimeoutMs: 3000,
            sessionTimeoutMs: 10_000,
            heartbeatMs: 500,
          },
        },
      },
    });
    gateways = await Promise.all([cluster.gateway(0), cluster.gateway(1)]);
    detectors = await cluster.start('detectors');
    responders = await cluster.start('responders');
    eventLog = await openKafka(kafka.brokers);
  });
  after(async () => {
    await observer?.end();
    await eventLog?.close();
    await cluster?.stop();
    await Promise.all([target?.stop(), kafka?.stop()]);
  });

  const sessionEvents = (): Promise<SessionEvent[]> =>
    readTopic(eventLog, TOPICS.sessionEvents.name, events.decode);
  const rowsKept = async (): Promise<number> =>
    Number((await observer.query<{ n: string }>('select count(*) as n from kept')).rows[0]!.n);
  /** A session at each gateway. */
  const atEach = (login: Login): Promise<pg.Client[]> =>
    Promise.all(gateways.map(({ listener }) => connectClient(listener, login)));
  const lockOut = ({ api }: GatewayProcess, subject: string): Promise<LockoutAnswer> =>
    api.send<LockoutAnswer>('POST', '/v1/lockouts', { subjectKind: 'identity', subject, reason: 'a test' });
  const untilHeldPasses = async (client: pg.Client): Promise<void> => {
    await until('a held command passes', () =>
      client.query('insert into kept values (0)').then(
        () => true,
        () => false,
      ),
    );
  };

  it('a held command runs once the detectors have passed it, at either gateway', async () => {
    const login = await makeLogin(gateways[0]!.api, 'holder');
    const clients = await atEach(login);
    // Groups take a moment to come together.
    await untilHeldPasses(clients[0]!);
    const before = await rowsKept();
    for (const client of clients) await client.query('insert into kept values (1)');
    assert.equal(await rowsKept(), before + 2);
    for (const client of clients) await client.end();
    const held = (await sessionEvents()).filter(
      ({ identity, body }) =>
        identity?.id === login.identityId && body.kind === 'decision' && (body.heldUs ?? 0) > 0,
    );
    assert.equal(new Set(held.map(({ gateway }) => gateway.id)).size, 2, 'both gateways held');
  });

  it('a held command of a stolen token never reaches the target, and the lockout is in force at both', async () => {
    const school = await openSchool(gateways[1]!);
    const victim = await school.victim({ number: 5, seed: 1, days: 10, hour: 13 });
    await school.close();
    const thief = await connectClient(gateways[1]!.listener, victim.login, { ip: victim.elsewhere });
    const { message } = await failureOf(thief.query('drop table stolen'));
    assert.match(message, /locked out|contained|terminated/i);
    const { rows } = await observer.query("select to_regclass('stolen') as found");
    assert.notEqual(rows[0].found, null);
    await untilInForce(gateways[1]!.api, victim.login.identityId);
    for (const { listener } of gateways) {
      const again = await failureOf(connectClient(listener, victim.login, { ip: victim.home }));
      assert.match(again.message, REFUSED);
    }
  });

  it('detectors that die: what is held is denied in time at both, others go on, both say so; it ends when they are back', async () => {
    const clients = await atEach(await makeLogin(gateways[0]!.api, 'waiter'));
    for (const client of clients) await untilHeldPasses(client);
    const before = await rowsKept();
    await detectors.kill9();
    await Promise.all(
      clients.map(async (client) => {
        const { message } = await failureOf(client.query('insert into kept values (2)'));
        assert.match(message, /verdict/);
        assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
      }),
    );
    assert.equal(await rowsKept(), before);
    for (const [index, client] of clients.entries())
      await until('it says that the detectors lag', async () => {
        await client.query('insert into kept values (3)').catch(() => undefined);
        return (await gateways[index]!.metric(LAGGING)) === 1;
      });
    detectors = await cluster.start('detectors');
    for (const [index, client] of clients.entries()) {
      await untilHeldPasses(client);
      await until('it has caught up', async () => (await gateways[index]!.metric(LAGGING)) === 0);
      await client.end();
    }
  });

  it('detectors that stand still: what is held is denied in time, and passes again when they go on', async () => {
    const [client] = await atEach(await makeLogin(gateways[0]!.api, 'idler'));
    await untilHeldPasses(client!);
    const before = await rowsKept();
    process.kill(detectors.pid, 'SIGSTOP');
    try {
      const { message } = await failureOf(client!.query('insert into kept values (5)'));
      assert.match(message, /verdict/);
      assert.equal((await client!.query('select 1 as one')).rows[0].one, 1);
    } finally {
      process.kill(detectors.pid, 'SIGCONT');
    }
    assert.equal(await rowsKept(), before);
    await untilHeldPasses(client!);
    await until('it has caught up', async () => (await gateways[0]!.metric(LAGGING)) === 0);
    await client!.end();
  });

  it('a log that is slow: requests are held four times as long as it takes, and pass', async () => {
    const [client] = await atEach(await makeLogin(gateways[0]!.api, 'patient'));
    await untilHeldPasses(client!);
    const bound = (): Promise<number> => gateways[0]!.metric('countersign_hold_bound_ms');
    const during = async (work: Promise<unknown>): Promise<void> => {
      kafka.freeze(1, true);
      try {
        await sleep(FROZEN_MS);
      } finally {
        kafka.freeze(1, false);
      }
      await work;
    };
    await until('the hold has grown', async () => {
      await during(client!.query('select 1'));
      return (await bound()) >= 3 * FROZEN_MS;
    });
    const before = await rowsKept();
    await during(client!.query('insert into kept values (4)'));
    assert.equal(await rowsKept(), before + 1);
    await client!.end();
  });

  it('records that come twice and in another order: no detection, no lockout and no step more', async () => {
    const topic = TOPICS.sessionEvents.name;
    // The session of the thief, and all sessions of the others.
    const all = (await sessionEvents()).filter(
      ({ identity, session }) => identity !== null && session !== null,
    );
    const theft = all.findLast(({ identity }) => identity!.id.includes('deploy-5'))!;
    const mine = theft.identity!.id;
    const once = all.filter(
      ({ origin, session }) => origin === 'gateway' || session!.id === theft.session!.id,
    );
    assert.ok(once.length > 20 && once.some(({ session }) => session!.id === theft.session!.id));
    const count = async () => ({
      detections: (await readDetections(eventLog))
        .filter(({ identityId }) => identityId === mine)
        .map(({ detectionId, detector, reason }) => `${detectionId} ${detector} ${reason}`),
      steps: (await readTopic(eventLog, TOPICS.responses.name, createCodec('response').decode)).filter(
        ({ subject }) => subject.includes(mine),
      ).length,
      lockouts: (await lockoutsOf(gateways[0]!.api)).length,
    });
    const before = await count();
    assert.ok(before.detections.length > 0 && before.lockouts > 0 && before.steps > 0);
    const writer = await eventLog.writer('again');
    const again = once
      .toReversed()
      .map((event) => ({ key: event.identity!.id, value: events.encode(event) }));
    await writer.append(topic, [...again, ...again]);
    const probe = await connectClient(gateways[0]!.listener, await makeLogin(gateways[0]!.api, 'behind'));
    const ends = await eventLog.endOffsets(topic);
    await until('the detectors have passed them', async () => {
      const passed = await passedOffsets(eventLog);
      return ends.every((end, partition) => end === 0 || (passed.get(partition) ?? -1) >= end - 1);
    });
    await untilHeldPasses(probe);
    await until('responders have nothing to do', async () => (await responders.health()).ready);
    assert.deepEqual(await count(), before);
    await probe.end();
    await writer.close();
  });

  it(`every broker away for ${AWAY_MS} ms: people go on, a lockout ends machines at both, nothing is lost or doubled`, async () => {
    const person = await makeLogin(gateways[0]!.api, 'person', { kind: 'human' });
    const machine = await makeLogin(gateways[0]!.api, 'machine');
    const people = await atEach(person);
    const machines = await atEach(machine);
    for (const client of machines) await untilHeldPasses(client);
    const ended = machines.map((client) => new Promise<void>((resolve) => client.once('end', resolve)));
    await kafka.kill9(1);
    const awaySince = performance.now();
    const acknowledged: string[] = [];
    let locked: Promise<LockoutAnswer> | undefined;
    for (let n = 0; performance.now() - awaySince < AWAY_MS; n += 1) {
      for (const [index, client] of people.entries()) {
        const text = `select ${n} as away_${index}`;
        await client.query(text);
        acknowledged.push(text);
      }
      locked ??= lockOut(gateways[0]!, machine.identityId);
      await sleep(50);
    }
    // At the one that was called at once; at the other when its view may be stale.
    await Promise.all(ended);
    assert.equal((await locked!).outcome, 'recorded');
    for (const gateway of gateways) assert.equal((await gateway.health()).ready, false);
    await kafka.restart(1);
    for (const gateway of gateways)
      await until('it is ready again', async () => (await gateway.health()).ready);
    for (const { listener } of gateways) {
      const again = await failureOf(connectClient(listener, machine));
      assert.match(again.message, REFUSED);
    }
    const wanted = new Set(acknowledged);
    const texts = await until('every acknowledged command is in the log', async () => {
      const found = (await sessionEvents()).flatMap(({ body }) =>
        body.kind === 'request' ? [body.text] : [],
      );
      return [...wanted].every((text) => found.includes(text)) && found;
    });
    assert.equal(texts.filter((text) => wanted.has(text)).length, wanted.size, 'each once');
    const own = (await sessionEvents()).filter(({ identity }) => identity?.id === person.identityId);
    assert.equal(new Set(own.map(({ eventId }) => eventId)).size, own.length, 'no event twice');
    // The loop closes as before.
    assert.equal((await lockOut(gateways[1]!, person.identityId)).outcome, 'in_force');
    for (const client of people) await failureOf(client.query('select 1'));
  });
});
