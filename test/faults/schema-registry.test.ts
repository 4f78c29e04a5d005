/** A whole installation with a schema registry, which goes away while it runs. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Value from 'typebox/value';
import { checkAuditExport } from '../../main/audit-check.ts';
import { SchemaRegistryConfig } from '../../schemas/config/schema-registry.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { lacking } from '../servers/available.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { startRegistry, type TestRegistry } from '../servers/registry/registry.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Whole } from './support/whole.ts';

const RULES = [
  {
    name: 'held',
    actions: ['write'],
    outcome: 'hold_verdict' as const,
    reason: 'writes wait for the detectors',
  },
  { name: 'rest', outcome: 'allow' as const, reason: 'because' },
];

describe('schema registry of a whole installation', { skip: lacking('java', 'mvn') }, () => {
  let postgres: TestPostgres;
  let registry: TestRegistry;
  let whole: Whole;
  before(async () => {
    [postgres, registry] = await Promise.all([startPostgres(), startRegistry()]);
    const settings = { urls: [registry.url], requestTimeoutMs: 1000, lookupWaitMsMax: 1000 };
    whole = await startWhole(postgres, {
      gateway: { holdMs: 5000, checkpointMs: 500 },
      policy: { rules: RULES },
      eventLog: { schemaRegistry: Value.Default(SchemaRegistryConfig, settings) as SchemaRegistryConfig },
    });
  });
  after(async () => {
    await whole?.stop();
    await registry?.stop();
    await postgres?.stop();
  });

  it('every topic has its subject, and a held write passes the detectors', async () => {
    const subjects = (await (await fetch(`${registry.url}/subjects`)).json()) as string[];
    assert.deepEqual(
      subjects.sort(),
      Object.values(TOPICS)
        .map(({ name }) => `${name}-value`)
        .sort(),
    );
    const job = await connect(whole, await whole.issue('job'));
    await job.query('create table framed (n int)');
    assert.equal((await job.query('insert into framed values (1)')).sqlState, undefined);
    await job.end();
  });

  it('it goes away: work, detection, lockouts and the index go on; poison with an id of nobody is given up', async () => {
    await registry.kill9();
    const job = await connect(whole, await whole.issue('job'));
    assert.equal((await job.query('insert into framed values (2)')).sqlState, undefined);
    const writer = await whole.eventLog.writer('poison');
    const unknown = Buffer.from('007fffffff0011', 'hex');
    await writer.append(TOPICS.sessionEvents.name, [{ key: 'countersign/hidden', value: unknown }]);
    await writer.close();
    await until('it is in dead-letters', async () =>
      (await whole.records(TOPICS.deadLetters.name, 'dead-letter')).some(
        ({ stage, value, reason }) =>
          stage === 'detectors' && value.equals(unknown) && reason.includes('schema registry'),
      ),
    );
    await until('a held write passes behind it', async () => {
      return (await job.query('insert into framed values (3)')).sqlState === undefined;
    });
    const answer = await whole.api.send<{ outcome: string }>('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: 'countersign/job',
      reason: 'a test',
    });
    assert.equal(answer.outcome, 'in_force');
    await until('the session has ended', async () =>
      (await whole.events()).some(({ body }) => body.kind === 'session_closed' && body.reason === 'lockout'),
    );
    await until('all of it is indexed', async () => {
      const found = await whole.installation.storage.searchIndex.count({
        index: 'session-events',
        filters: [{ field: 'user.id', is: 'countersign/job' }],
        text: 'framed',
      });
      return found >= 4;
    });
  });

  it('the exported trail verifies without any registry', async () => {
    const events = await whole.events();
    const closedAt = events.find(
      ({ body }) => body.kind === 'session_closed' && body.reason === 'lockout',
    )!.time;
    await until('the last close is signed for', async () =>
      (await whole.events()).some(({ body, time }) => body.kind === 'checkpoint' && time > closedAt),
    );
    const response = await fetch(new URL('/v1/audit/events', whole.installation.gateway.api().url), {
      headers: { authorization: `Bearer ${whole.installation.tokens.admin}` },
    });
    const file = join(whole.folder, 'trail.ndjson');
    writeFileSync(file, await response.text());
    const { problems, events: checked } = await checkAuditExport(file, {});
    assert.ok(checked > 10, `${checked} events`);
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'unreadable' && kind !== 'uncovered'),
      [],
    );
    assert.equal(problems.filter(({ kind }) => kind === 'unreadable').length, 1, 'the poison');
  });
});
