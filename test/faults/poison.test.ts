/** Records that nobody can read, in every topic: given up with their reason, and the partition moves on. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TOPICS } from '../../schemas/topics.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from './support/until.ts';
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
/** Topics whose readers must not merely skip what they cannot read. */
const ANSWERED = [
  TOPICS.sessionEvents,
  TOPICS.detections,
  TOPICS.incidents,
  TOPICS.responses,
  TOPICS.control,
].map(({ name }) => name);

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

  it('is in dead-letters with its reason, hides nobody, and stops nothing', async () => {
    const job = await connect(whole, await whole.issue('job'));
    await job.query('create table if not exists poisoned (n int)');
    const writer = await whole.eventLog.writer('poison');
    for (const { name } of Object.values(TOPICS)) {
      const partitions = await whole.eventLog.partitions(name);
      const poison = [Buffer.from('no Avro at all'), Buffer.alloc(0), Buffer.alloc(2000, 0xff)];
      for (let partition = 0; partition < partitions; partition += 1)
        await writer.append(
          name,
          poison.map((value) => ({ key: 'countersign/hidden', value, partition })),
        );
    }
    await writer.close();
    await until('a held write passes behind it', async () => {
      return (await job.query('insert into poisoned values (1)')).sqlState === undefined;
    });
    for (const topic of ANSWERED)
      await until(`${topic} has dead letters`, async () => {
        const letters = await whole.records(TOPICS.deadLetters.name, 'dead-letter');
        return letters.some(
          ({ sourceTopic, code, reason }) => sourceTopic === topic && code !== '' && reason !== '',
        );
      });
    await until('a detection names the identity', async () => {
      const detections = await whole.records(TOPICS.detections.name, 'detection');
      return detections.some(
        ({ detector, identityId }) =>
          detector === 'integrity-unreadable' && identityId === 'countersign/hidden',
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

  it('responders that do not answer: a held request that was spoken about is refused in time, and others are not held up', async () => {
    const suspect = await connect(whole, await whole.issue('suspect'));
    const other = await connect(whole, await whole.issue('other'));
    await other.query('create table if not exists quiet (n int)');
    await suspect.query('create table if not exists doomed (n int)');
    whole.switches.deafGroup = 'countersign-responders';
    const dropping = suspect.query('drop table doomed');
    assert.equal((await other.query('select 1')).sqlState, undefined);
    const refused = await dropping;
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
