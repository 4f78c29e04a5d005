import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONFIRMED_BY_HEADER } from '../../schemas/api/responses.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { codecs, openWorld, problem, locked, type World } from './support.ts';

const attack = { identityKind: 'service_account', identityRisk: 90, risk: 70, severity: 'high' } as const;
const states = (world: World, action: string): string[] =>
  world.responses.filter((step) => step.action === action).map(({ state }) => state);

describe('responders', { timeout: 60_000 }, () => {
  it('contains an impersonated machine: intended before done, one call for each step, verdict contained', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    const detection = await world.detect(attack);
    await world.until(() => world.responses.filter(({ state }) => state === 'done').length === 4);
    await world.until(() => world.verdicts.length === 1);
    assert.deepEqual(
      world.calls.map(({ path, body }) => [path, body['subjectKind'] ?? null]),
      [
        ['/v1/lockouts', 'identity'],
        ['/v1/lockouts', 'token'],
        ['/v1/sessions/session-case/end', null],
      ],
    );
    assert.equal(new Set(world.calls.map(({ key }) => key)).size, 3);
    assert.deepEqual(world.calls[0]!.body['budget'], {
      name: 'contain-impersonation',
      identitiesMax: 5,
      windowMs: 600_000,
    });
    assert.deepEqual(states(world, 'end_session'), ['intended', 'done']);
    const [verdict] = world.verdicts;
    assert.deepEqual([verdict!.outcome, verdict!.detectionId], ['contained', detection.detectionId]);
    await world.until(() => world.incidents.at(-1)?.lockouts.length === 2);
    const incident = world.incidents.at(-1)!;
    assert.equal(incident.state, 'contained');
    assert.equal(incident.incidentId, verdict!.incidentId);
    assert.deepEqual(incident.identities, ['countersign/case']);
    assert.match(incident.summary, /1 detection about 1 identity/);
  });

  it('says release where no playbook matches, and opens an incident only for what is serious', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    await world.detect({ risk: 10, severity: 'low' });
    await world.until(() => world.verdicts.length === 1);
    assert.deepEqual([world.verdicts[0]!.outcome, world.verdicts[0]!.incidentId], ['release', null]);
    await world.detect({ risk: 55, severity: 'medium' });
    await world.until(() => world.verdicts.length === 2);
    await world.detect({ risk: 5, severity: 'low' });
    await world.until(() => world.verdicts.length === 3);
    assert.equal(new Set(world.verdicts.slice(1).map(({ incidentId }) => incidentId)).size, 1);
    await world.until(() => world.incidents.length === 2);
    assert.deepEqual(
      world.incidents.map(({ version, detectionCount }) => [version, detectionCount]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.equal(world.calls.length, 0);
  });

  it('goes on after a crash between intended and done, with the same keys', async (t) => {
    const world = await openWorld(t);
    world.script = (call, calls) => (call.path.startsWith('/v1/sessions') ? undefined : locked(call, calls));
    const first = world.role();
    await first.start();
    await world.detect(attack);
    await world.until(() => world.calls.length === 3 && states(world, 'end_session').length === 1);
    await first.stop(0);
    assert.deepEqual(states(world, 'end_session'), ['intended']);
    world.script = locked;
    await world.role().start();
    await world.until(() => states(world, 'notify').at(-1) === 'done');
    // Done before the crash is not done again; what was under way is, under the key that it had.
    assert.deepEqual(world.calls.map(({ path }) => path).slice(3), ['/v1/sessions/session-case/end']);
    assert.equal(world.calls[3]!.key, world.calls[2]!.key);
    assert.deepEqual(states(world, 'end_session'), ['intended', 'done']);
    assert.equal(new Set(world.incidents.map(({ incidentId }) => incidentId)).size, 1);
  });

  it('does the same thing once for two detections of one incident', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    await Promise.all([world.detect(attack), world.detect(attack)]);
    await world.until(() => world.verdicts.length === 2);
    assert.deepEqual(
      world.verdicts.map(({ outcome }) => outcome),
      ['contained', 'contained'],
    );
    await world.until(() => states(world, 'notify').includes('done'));
    assert.equal(world.calls.length, 3);
  });

  it('tries again what fails for a passing reason, and gives up after a bound', async (t) => {
    const world = await openWorld(t);
    world.script = (call, calls) =>
      calls.length <= 2 ? problem(503, 'CONTROL_STORE_TIMEOUT') : locked(call, calls);
    await world.role().start();
    await world.detect(attack);
    await world.until(() => states(world, 'notify').includes('done'));
    assert.equal(new Set(world.calls.slice(0, 3).map(({ key }) => key)).size, 1);
    world.script = () => problem(500, 'BROKEN');
    await world.detect({
      ...attack,
      identityId: 'countersign/b',
      credentialSource: 'ci/b',
      sessionId: null,
      tokenId: null,
    });
    await world.until(() => world.verdicts.length === 2);
    assert.equal(world.verdicts[1]!.outcome, 'asked');
    const failed = world.responses.filter(({ state }) => state === 'failed');
    assert.deepEqual(
      failed.map(({ subject }) => subject),
      ['identity:countersign/b'],
    );
    assert.equal(world.calls.filter(({ key }) => key === failed[0]!.idempotencyKey).length, 6);
  });

  it('skips what the budget refuses and asks; leaves break-glass identities alone', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    for (const [code, status, outcome] of [
      ['LOCKOUT_BUDGET_EXHAUSTED', 429, 'asked'],
      ['LOCKOUT_BREAK_GLASS', 403, 'release'],
    ] as const) {
      world.script = () => problem(status, code);
      const { detectionId } = await world.detect({ ...attack, credentialSource: code });
      await world.until(() => world.verdicts.some((verdict) => verdict.detectionId === detectionId));
      assert.equal(world.verdicts.find((verdict) => verdict.detectionId === detectionId)!.outcome, outcome);
      const skipped = world.responses.filter(
        (step) => step.detectionId === detectionId && step.state === 'skipped',
      );
      assert.deepEqual(
        skipped.map(({ step }) => step),
        ['lock-identity', 'lock-token', 'end-session'],
      );
      assert.match(skipped[0]!.detail, new RegExp(code));
    }
    assert.equal(world.calls.length, 6);
  });

  it('asks for people, carries out what is confirmed, and not what is declined', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    await world.detect({ identityKind: 'human', identityRisk: 85, credentialSource: 'idp/app' });
    await world.until(() => states(world, 'notify').includes('done') && world.verdicts.length === 1);
    assert.equal(world.verdicts[0]!.outcome, 'asked');
    assert.equal(world.calls.length, 0);
    const asked = world.responses.filter(({ state }) => state === 'asked');
    assert.deepEqual(
      asked.map(({ step }) => step),
      ['lock-identity', 'end-session'],
    );
    const decide = (index: number, state: 'intended' | 'skipped', headers: Record<string, string>) =>
      world.append(TOPICS.responses.name, {
        key: asked[index]!.incidentId,
        value: codecs.response.encode({ ...asked[index]!, state, detail: 'decided by anna' }),
        headers,
      });
    await decide(1, 'skipped', {});
    await decide(0, 'intended', { [CONFIRMED_BY_HEADER]: 'anna' });
    await world.until(() => states(world, 'lock_out').includes('done'));
    await world.until(() => world.incidents.at(-1)!.state === 'contained');
    assert.deepEqual(
      world.calls.map(({ path }) => path),
      ['/v1/lockouts'],
    );
    await world.detect({ identityKind: 'human', identityRisk: 85, credentialSource: 'idp/app' });
    await world.until(() => world.verdicts.length === 2);
    // Declined is not asked again, confirmed is not done again.
    assert.deepEqual(states(world, 'end_session'), ['asked', 'skipped']);
    assert.equal(world.verdicts[1]!.outcome, 'contained');
    assert.equal(world.calls.length, 1);
  });

  it('asks about a whole credential source once three of its identities go wrong', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    for (const name of ['a', 'b', 'c']) await world.detect({ ...attack, identityId: `countersign/${name}` });
    await world.until(() => world.verdicts.length === 3);
    await world.until(() => world.responses.some(({ state }) => state === 'asked'));
    const asked = world.responses.filter(({ state }) => state === 'asked');
    assert.deepEqual(
      asked.map(({ playbook, subject }) => [playbook, subject]),
      [['sweep-credential-source', 'credential_source:ci/case']],
    );
  });

  it('only asks about what is not live or too old; exercises act in their own name space', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    await world.detect({ ...attack, live: false, origin: 'import', credentialSource: 'a' });
    await world.detect({ ...attack, detectedAt: 1, credentialSource: 'b' });
    await world.until(() => world.verdicts.length === 2);
    assert.deepEqual(
      world.verdicts.map(({ outcome }) => outcome),
      ['asked', 'asked'],
    );
    assert.equal(world.calls.length, 0);
    await world.detect({ ...attack, origin: 'exercise', exerciseId: 'drill', credentialSource: 'c' });
    await world.until(() => world.verdicts.length === 3);
    assert.equal(world.verdicts[2]!.outcome, 'contained');
    assert.equal(world.calls[0]!.body['exerciseId'], 'drill');
  });

  it('closes an incident for a person, and opens another for what comes after', async (t) => {
    const world = await openWorld(t);
    const first = world.role();
    await first.start();
    await world.detect({ risk: 60 });
    await world.until(() => world.incidents.length === 1);
    const { incidentId } = world.incidents[0]!;
    const body = {
      kind: 'incident_closure',
      incidentId,
      closedAs: 'benign',
      closedBy: 'anna',
      closedAt: 5,
      note: '',
    } as const;
    await first.stop(1000);
    // Closed while no responder ran: it is found at the next start.
    await world.append(TOPICS.control.name, {
      key: `incident_closure/${incidentId}`,
      value: codecs.controlRecord.encode({ revision: 1, time: 5, body }),
    });
    await world.role().start();
    await world.until(() => world.incidents.length === 2);
    assert.deepEqual(
      [world.incidents[1]!.state, world.incidents[1]!.closedAs, world.incidents[1]!.version],
      ['closed', 'benign', 2],
    );
    await world.detect({ risk: 60 });
    await world.until(() => world.incidents.length === 3);
    assert.notEqual(world.incidents[2]!.incidentId, incidentId);
  });

  it('gives unreadable detections to dead-letters and goes on', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    await world.append(TOPICS.detections.name, { key: 'ci/case', value: Buffer.from('garbage') });
    await world.detect({ risk: 60 });
    await world.until(() => world.verdicts.length === 1 && world.deadLetters.length === 1);
    assert.deepEqual(world.deadLetters, ['RESPONDERS_RECORD_UNREADABLE']);
  });
});
