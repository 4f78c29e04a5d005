import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { ActionServices } from '../actions/action.ts';
import { ACTIONS } from '../actions/registry.ts';
import { effectiveMode, matchesPattern, playbookMatches } from '../playbooks/match.ts';
import { parsePlaybook } from '../playbooks/parse-playbook.ts';
import { createPlaybookSet, LIBRARY, readPlaybooks } from '../playbooks/playbook-set.ts';
import { failedCases, HARMLESS } from '../playbooks/run-cases.ts';

const services: ActionServices = {
  controlApi: { lockOut: never, endSession: never, revokeToken: never },
  notifiers: { has: (name) => name === 'log', names: () => ['log'], send: never },
};
function never(): Promise<never> {
  return Promise.reject(new Error('not in these tests'));
}
const mistakes = (text: string): string[] => {
  const read = parsePlaybook('p.yml', text, services);
  assert.equal(read.ok, false);
  return read.ok ? [] : read.problems.map(formatProblem);
};
const head = 'name: p\ntitle: P\nmode: act\ntrigger: { riskMin: 50 }\n';

describe('playbooks', () => {
  it('of the library pass their own cases, each with one that matches and one that does not', () => {
    const read = readPlaybooks([LIBRARY], services);
    assert.ok(read.ok, read.ok ? '' : read.problems.map(formatProblem).join('\n'));
    assert.ok(read.value.length >= 4);
    for (const { name, cases } of read.value) {
      assert.ok(
        cases.some(({ steps }) => steps.length > 0) && cases.some(({ steps }) => steps.length === 0),
        name,
      );
    }
  });

  it('break a case when a condition is taken away', () => {
    const read = readPlaybooks([LIBRARY], services);
    assert.ok(read.ok);
    for (const playbook of read.value) {
      for (const field of Object.keys(playbook.conditions)) {
        const conditions = { ...playbook.conditions, [field]: undefined };
        assert.notDeepEqual(failedCases({ ...playbook, conditions }), [], `${playbook.name}: ${field}`);
      }
      for (const field of Object.keys(playbook.trigger)) {
        const trigger = { ...playbook.trigger, [field]: undefined };
        assert.notDeepEqual(failedCases({ ...playbook, trigger }), [], `${playbook.name}: ${field}`);
      }
    }
  });

  it('name file, line and reason of each mistake', () => {
    assert.deepEqual(mistakes(`${head}steps:\n  - id: a\n    action: explode\n`), [
      'p.yml:7: steps.0.action: no action explode; known: lock_out, end_session, revoke_token, notify',
    ]);
    assert.match(
      mistakes(`${head}steps:\n  - id: a\n    action: lock_out\n    with: { subject: moon }\n`)[0]!,
      /^p\.yml:8: steps\.0\.with: lock_out: \/subject /,
    );
    assert.deepEqual(
      mistakes(`${head}steps:\n  - id: a\n    action: notify\n    with: { notifier: pager }\n`),
      ['p.yml:8: steps.0.with: there is no notifier pager; known: log'],
    );
    assert.match(
      mistakes(`${head}steps:\n  - { id: a, action: end_session }\n  - { id: a, action: end_session }\n`)[0]!,
      /^p\.yml:7: .*two steps a/,
    );
    assert.match(mistakes(head.replace('act', 'maybe'))[0]!, /^p\.yml:/);
    assert.match(mistakes('name: p\ntitle: a: b')[0]!, /^p\.yml:2: /);
    assert.match(
      mistakes(`${head}colour: red\nsteps:\n  - { id: a, action: end_session }\n`)[0]!,
      /^p\.yml:5: colour: no such field/,
    );
  });

  it('in the documentation are right', () => {
    const page = readFileSync(new URL('../../docs/playbooks.md', import.meta.url), 'utf8');
    const read = parsePlaybook('docs/playbooks.md', /```yaml\n([\s\S]*?)```/.exec(page)![1]!);
    assert.ok(read.ok, read.ok ? '' : read.problems.map(formatProblem).join());
    assert.deepEqual(failedCases(read.value), []);
    assert.ok(read.value.cases.length >= 2);
  });

  it('keep the old ones in force when a reload finds a mistake', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'playbooks-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'own.yml');
    const good = `${head.replace('name: p', 'name: own')}steps:\n  - { id: a, action: end_session }\n`;
    writeFileSync(file, good);
    const set = createPlaybookSet({ folders: [folder], off: ['contain-human'] }, services);
    const version = set.named('own')!.version;
    assert.equal(set.named('contain-human'), undefined);
    writeFileSync(file, good.replace('end_session', 'explode'));
    assert.match(formatProblem(set.reload()[0]!), /own\.yml:6: /);
    assert.equal(set.named('own')!.version, version);
    assert.throws(
      () => createPlaybookSet({ folders: [folder], off: [] }, services),
      (error) =>
        isCountersignError(error, 'RESPONDERS_PLAYBOOK_INVALID') && error.message.includes('own.yml:6'),
    );
    writeFileSync(file, `${good}cases:\n  - { name: wrong, detection: { risk: 90 }, steps: [] }\n`);
    assert.match(set.reload()[0]!.reason, /wrong: expected steps \[\], got \[a\]/);
    writeFileSync(file, good.replace('riskMin: 50', 'riskMin: 60'));
    assert.deepEqual(set.reload(), []);
    assert.notEqual(set.named('own')!.version, version);
  });

  it('do what contains first, whatever the order in the file', () => {
    const read = parsePlaybook(
      'p.yml',
      `${head}steps:\n  - { id: tell, action: notify }\n  - { id: end, action: end_session }\n`,
      services,
    );
    assert.ok(read.ok);
    assert.deepEqual(
      read.value.steps.map(({ id }) => id),
      ['end', 'tell'],
    );
  });

  it('act only on what is live', () => {
    const read = parsePlaybook('p.yml', `${head}steps:\n  - { id: end, action: end_session }\n`, services);
    assert.ok(read.ok);
    const detection = { ...HARMLESS, risk: 60 };
    assert.ok(playbookMatches(read.value, detection, 1));
    const mode = (differing: object, fresh = true) =>
      effectiveMode(read.value, { ...detection, ...differing }, fresh);
    assert.equal(mode({}), 'act');
    assert.equal(mode({}, false), 'ask');
    assert.equal(mode({ live: false }), 'ask');
    assert.equal(mode({ origin: 'external' }), 'ask');
    assert.equal(mode({ origin: 'exercise', exerciseId: null }), 'ask');
    assert.equal(mode({ origin: 'exercise', exerciseId: 'x' }), 'act');
  });

  it('match names with stars', () => {
    for (const [pattern, value, expected] of [
      ['a*', 'abc', true],
      ['*c', 'abc', true],
      ['a*c', 'ac', true],
      ['ab*bc', 'abc', false],
      ['a*b*c', 'a1b2c', true],
      ['a*b*c', 'acb', false],
      ['*', '', true],
      ['a.c', 'abc', false],
      ['*a*', 'bab', true],
      ['*ab*b', 'ab', false],
    ] as const)
      assert.equal(matchesPattern(pattern, value), expected, `${pattern} ${value}`);
  });
});

describe('actions', () => {
  it('describe themselves, and their examples are valid steps', () => {
    for (const action of ACTIONS) {
      assert.ok(action.description.length > 20);
      const step = action.example
        .split('\n')
        .map((line, index) => `${index === 0 ? '  - ' : '    '}${line}`)
        .join('\n');
      const read = parsePlaybook('example.yml', `${head}steps:\n${step}\n`, services);
      assert.ok(read.ok, read.ok ? '' : read.problems.map(formatProblem).join());
      assert.equal(read.value.steps[0]!.action.name, action.name);
    }
  });
});
