/** Records that nobody can read, in every topic: given up with their reason, and the partition moves on. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Value from 'typebox/value';
import { KafkaConfig } from '../../schemas/config/kafka.ts';
import { deadLetterId } from '../../schemas/ecs/dead-letter.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { start } from '../../cli/test/support.ts';
import { lacking } from '../servers/available.ts';
import { startKafka, type TestKafka } from '../servers/kafka/kafka.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Whole } from './support/whole.ts';

const RULES = [
  {
    name: 'writes-held',
    kinds: ['service_account' as const],
    actions: ['write'],
    outcome: 'hold_verdict' as const,
    reason: 'writes wait for the detectors',
  },
  {
    name: 'high-risk-held',
    kinds: ['service_account' as const],
    riskAtLeast: 'high' as const,
    outcome: 'hold_verdict' as const,
    reason: 'high risk waits',
  },
  { name: 'rest', outcome: 'allow' as const, reason: 'because' },
];
/** Who reads a topic, and so must give up what it cannot read. Nobody reads re-keyed events as long as no detector asks for them. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  [TOPICS.sessionEvents.name]: ['detectors', 'ingest/index'],
  [TOPICS.sessionData.name]: ['ingest/index'],
  [TOPICS.verdicts.name]: ['gateway'],
  [TOPICS.detections.name]: ['responders', 'ingest/index'],
  [TOPICS.incidents.name]: ['responders', 'ingest/index'],
  [TOPICS.responses.name]: ['responders', 'ingest/index'],
  [TOPICS.control.name]: ['gateway', 'responders', 'ingest/index'],
  [TOPICS.rekeyedEvents.name]: [],
  [TOPICS.detectorState.name]: ['detectors'],
  [TOPICS.deadLetters.name]: ['ingest/index'],
};
const POISON = [
  Buffer.from('no Avro at all'),
  Buffer.alloc(0),
  Buffer.alloc(2000, 0xff),
  // A frame of each kind around nothing that its schema knows.
  Buffer.from('c301ffffffffffffffff00', 'hex'),
  Buffer.from('007fffffff00', 'hex'),
];
const HIDDEN = 'countersign/hidden';

interface Letter {
  readonly id: string;
  readonly topic: string;
  readonly stage: string;
  readonly replayed: object | null;
}

async function poisonAll(whole: Whole): Promise<void> {
  const writer = await whole.eventLog.writer('poison');
  for (const name of Object.keys(READERS)) {
    const partitions = await whole.eventLog.partitions(name);
    for (let partition = 0; partition < partitions; partition += 1)
      await writer.append(
        name,
        POISON.map((value) => ({ key: HIDDEN, value, partition })),
      );
  }
  await writer.close();
}

function itSurvives(world: () => Whole): void {
  it('is in dead-letters with its reason, hides nobody, and stops nothing', async () => {
    const whole = world();
    assert.deepEqual(
      Object.keys(READERS).sort(),
      Object.values(TOPICS)
        .map(({ name }) => name)
        .sort(),
      'every topic is here',
    );
    const job = await connect(whole, await whole.issue('job'));
    await job.query('create table if not exists poisoned (n int)');
    await poisonAll(whole);
    await until('a held write passes behind it', async () => {
      return (await job.query('insert into poisoned values (1)')).sqlState === undefined;
    });
    // State is read when a partition is assigned: by detectors that start.
    await whole.threads.get('detectors')!.terminate();
    for (const [topic, stages] of Object.entries(READERS))
      for (const stage of stages)
        await until(`${stage} gives up what is in ${topic}`, async () => {
          const letters = await whole.records(TOPICS.deadLetters.name, 'dead-letter');
          const own = letters.filter((letter) => letter.sourceTopic === topic && letter.stage === stage);
          assert.ok(own.every(({ code, reason }) => code !== '' && reason !== ''));
          return POISON.every((value) => own.some((letter) => letter.value.equals(value)));
        });
    await until('a detection names the identity', async () => {
      const detections = await whole.records(TOPICS.detections.name, 'detection');
      return detections.some(
        ({ detector, identityId }) => detector === 'integrity-unreadable' && identityId === HIDDEN,
      );
    });
    const answer = await whole.api.send<{ outcome: string }>('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: 'countersign/somebody-else',
      reason: 'a test',
    });
    assert.equal(answer.outcome, 'in_force', 'the control topic goes on');
    await until('all roles are ready', async () => (await whole.health()).ready);
    await job.end();
    await until('what follows is indexed', async () => {
      const found = await whole.installation.storage.searchIndex.count({
        index: 'session-events',
        filters: [{ field: 'user.id', is: 'countersign/job' }],
        text: 'poisoned',
      });
      return found >= 2;
    });
  });

  it('can be looked at and replayed, once, and the trail says by whom', async () => {
    const whole = world();
    const path = '/v1/dead-letters?stage=detectors&topic=countersign.session-events&limit=1000';
    let waiting: Letter[] = [];
    await until('the dead letters are indexed', async () => {
      waiting = (await whole.api.get<{ items: Letter[] }>(path)).items;
      return waiting.length >= POISON.length;
    });
    const details = await Promise.all(
      waiting
        .slice(0, 2)
        .map(({ id }) =>
          whole.api.get<{ decoded: unknown; dump: string[] }>(`/v1/dead-letters/${encodeURIComponent(id)}`),
        ),
    );
    for (const { decoded, dump } of details) {
      assert.equal(decoded, null);
      assert.ok(Array.isArray(dump));
    }
    const [{ id }] = waiting as [Letter];
    const replay = () =>
      whole.api.send<{ results: { outcome: string }[] }>('POST', '/v1/dead-letters/replay', {
        ids: [id, 'countersign.session-events/0/999999/detectors'],
        reason: 'a rehearsal of the replay',
      });
    assert.deepEqual(
      (await replay()).results.map(({ outcome }) => outcome),
      ['replayed', 'refused'],
    );
    assert.equal((await replay()).results[0]!.outcome, 'replayed_before');
    const left = (await whole.api.get<{ items: Letter[] }>(path)).items;
    assert.ok(!left.some((letter) => letter.id === id));
    const done = (await whole.api.get<{ items: Letter[] }>(`${path}&state=replayed`)).items;
    assert.deepEqual(
      done.map((letter) => letter.id),
      [id],
    );
    assert.notEqual(done[0]!.replayed, null);
    await until('the trail has it', async () =>
      (await whole.events()).some(
        ({ body }) =>
          body.kind === 'control_action' &&
          body.action === 'dead-letter.replay' &&
          body.subject === `dead-letter:${id}` &&
          body.outcome === 'replayed',
      ),
    );
    await until('it is given up again, from where it stands now', async () => {
      const letters = await whole.records(TOPICS.deadLetters.name, 'dead-letter');
      const again = letters.filter(
        ({ sourceTopic, stage }) => sourceTopic === TOPICS.sessionEvents.name && stage === 'detectors',
      );
      return new Set(again.map(deadLetterId)).size > waiting.length;
    });
  });
}

describe('what cannot be read, on Kafka', { skip: lacking('java', 'mvn') }, () => {
  let postgres: TestPostgres;
  let kafka: TestKafka;
  let whole: Whole;
  before(async () => {
    [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
    const settings = { brokers: [...kafka.brokers], replicas: 1, inSyncReplicasMin: 1 };
    whole = await startWhole(postgres, {
      gateway: { holdMs: 3000 },
      policy: { rules: RULES },
      eventLog: { kind: 'kafka', kafka: Value.Default(KafkaConfig, settings) as KafkaConfig },
    });
  });
  after(async () => {
    await whole?.stop();
    await kafka?.stop();
    await postgres?.stop();
  });
  itSurvives(() => whole);
});

describe('what cannot be read or answered', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres, { gateway: { holdMs: 3000 }, policy: { rules: RULES } });
  });
  after(async () => {
    await whole?.stop();
    await postgres?.stop();
  });

  itSurvives(() => whole);

  it('the command line lists, shows and replays', async () => {
    const environment = {
      COUNTERSIGN_API: whole.installation.gateway.api().url,
      COUNTERSIGN_API_TOKEN: whole.installation.tokens.admin,
    };
    const run = (...words: string[]) => start(['dead-letter', ...words], { environment }).ended;
    const wanted = ['--topic', TOPICS.detections.name, '--stage', 'responders'];
    const listed = await run('ls', ...wanted, '--json');
    assert.equal(listed.code, 0, listed.err);
    const letters = JSON.parse(listed.out) as Letter[];
    assert.ok(letters.length >= POISON.length);
    const fromLog = await run('ls', ...wanted, '--from-log', '--json');
    assert.deepEqual(
      new Set((JSON.parse(fromLog.out) as Letter[]).map(({ id }) => id)),
      new Set(letters.map(({ id }) => id)),
    );
    const shown = await run('show', letters[0]!.id);
    assert.equal(shown.code, 0, shown.err);
    assert.match(shown.out, /RESPONDERS_RECORD_UNREADABLE/);
    assert.match(shown.out, /replayed +no/);
    const replayed = await run('replay', '--matching', ...wanted, '--reason', 'a rehearsal', '--json');
    assert.equal(replayed.code, 0, replayed.err);
    const results = JSON.parse(replayed.out) as { id: string; outcome: string }[];
    assert.deepEqual(
      results.map(({ id }) => id),
      letters.map(({ id }) => id).toReversed(),
    );
    assert.ok(results.every(({ outcome }) => outcome === 'replayed'));
    assert.match((await run('show', letters[0]!.id)).out, /replayed +\d{4}-/);
    const refused = await run('replay', `${TOPICS.control.name}/0/0/gateway`, '--reason', 'x');
    assert.equal(refused.code, 1);
    assert.match(refused.out, /DEAD_LETTER_NOT_REPLAYABLE/);
    assert.equal((await run('replay', '--reason', 'x')).code, 2);
    assert.equal((await run('show', 'no/1/2/such')).code, 3);
  });

  it('responders that do not answer: a held request that was spoken about is refused in time, and others are not held up', async () => {
    const suspect = await connect(whole, await whole.issue('suspect'));
    const other = await connect(whole, await whole.issue('other'));
    await other.query('create table if not exists quiet (n int)');
    await suspect.query('create table if not exists doomed (n int)');
    whole.switches.deafGroup = 'countersign-responders';
    const updating = suspect.query('update doomed set n = 1');
    assert.equal((await other.query('select 1')).sqlState, undefined);
    const refused = await updating;
    assert.equal(refused.sqlState, '42501');
    assert.match(refused.detail, /onDetectionLag/);
    await until('the decision names what was said', async () =>
      (await whole.events()).some(
        ({ body, identity }) =>
          body.kind === 'decision' &&
          identity?.id === 'countersign/suspect' &&
          body.decision.outcome === 'deny' &&
          body.detectionIds.length > 0,
      ),
    );
    whole.switches.deafGroup = undefined;
    await until('the responders have caught up', async () => {
      const { items } = await whole.api.get<{ items: unknown[] }>('/v1/incidents');
      return items.length > 0;
    });
    assert.deepEqual(
      (await other.query("select count(*)::int from pg_class where relname = 'doomed'")).rows,
      [[1]],
    );
    await suspect.end();
    await other.end();
  });
});
