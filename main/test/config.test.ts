/** Mistakes in the configuration and in what it names: each with file, line and reason, all at once. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { isCountersignError } from '../../platform/errors/errors.ts';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { checkConfig, loadConfig, type Environment } from '../config.ts';

describe('config: check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  /** Problems as they are printed, without the folder. */
  const problemsOf = (text: string, environment: Environment = {}): string[] => {
    const checked = checkConfig(write('c.yaml', text), environment);
    return checked.ok
      ? []
      : checked.problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
  };

  it('takes the defaults, and what is right', () => {
    assert.equal(checkConfig(undefined, {}).ok, true);
    assert.deepEqual(
      problemsOf('logLevel: warn\npolicy:\n  rules:\n    - { name: a, outcome: allow, reason: b }\n'),
      [],
    );
  });

  it('names every mistake against the schema, in the order of the file', () => {
    assert.deepEqual(
      problemsOf('logLevel: loud\ngateway:\n  holdMs: 1\nconnections:\n  - name: UPPER\n    host: x\n'),
      [
        'c.yaml:1: logLevel: must be one of "debug", "info", "warn", "error", "silent"',
        'c.yaml:3: gateway.holdMs: must be >= 10',
        'c.yaml:5: connections.0.name: must match pattern "^[a-z0-9][a-z0-9._-]{0,62}$"',
      ],
    );
    const [broken] = problemsOf('a: [1\nb: 2\n');
    assert.match(broken!, /^c\.yaml:2: /);
  });

  it('blames the environment for what it brought', () => {
    assert.deepEqual(problemsOf('logLevel: info\n', { COUNTERSIGN_GATEWAY__HOLD_MS: 'soon' }), [
      'environment variable COUNTERSIGN_GATEWAY__HOLD_MS: gateway.holdMs: must be integer',
    ]);
    assert.deepEqual(problemsOf('logLevel: info\n', { COUNTERSIGN_GATWAY__HOLD_MS: '50' }), [
      'environment variable COUNTERSIGN_GATWAY__HOLD_MS: gatway: no such field',
    ]);
  });

  it('names the rules of the policy that cannot be, and cases that do not hold', () => {
    assert.deepEqual(
      problemsOf(`policy:
  rules:
    - name: one
      outcome: allow
      reason: x
    - name: two
      networks: [10.0.0.0/99]
      outcome: deny
      reason: x
    - name: one
      outcome: deny
      reason: x
`),
      [
        'c.yaml:6: policy.rules.1: rule "two": network "10.0.0.0/99" is not in CIDR form',
        'c.yaml:10: policy.rules.2: rule "one": the name is taken by a rule above',
      ],
    );
    assert.deepEqual(
      problemsOf(`policy:
  rules:
    - name: one
      actions: [read]
      outcome: allow
      reason: x
      cases:
        - { name: may read, action: read, outcome: allow }
        - { name: may drop, action: drop, outcome: allow }
`),
      [
        'c.yaml:9: policy.rules.0.cases.1: rule "one": the case "may drop" expects allow, but default says deny',
      ],
    );
  });

  it('reads playbooks, rules and the directory that it names; all mistakes at once', () => {
    for (const name of ['playbooks', 'rules']) mkdirSync(join(folder, name), { recursive: true });
    write(
      'playbooks/p.yml',
      `name: mine
title: Mine
description: A playbook of our own.
mode: act
trigger: { severityMin: high }
steps:
  - id: tell
    action: notify
    with: { notifier: pager }
`,
    );
    write('rules/r.yml', 'title: x\nnonsense: y\n');
    write('people.yaml', 'people:\n  - subject: anna\n    left: someday\n');
    const found = problemsOf(`responders:
  playbookFolders: [${join(folder, 'playbooks')}]
ruleFolders: [${join(folder, 'rules')}, ${join(folder, 'absent')}]
detectors:
  directoryFile: ${join(folder, 'people.yaml')}
policy:
  rules:
    - { name: bad, hours: { from: '08:00', to: '09:00', timeZone: Nowhere }, outcome: allow, reason: x }
`);
    for (const expected of [
      /^c\.yaml:8: policy\.rules\.0: rule "bad": /,
      /^playbooks\/p\.yml:9: steps\.0\.with: there is no notifier pager; known: log$/,
      /^rules\/r\.yml:\d+: /,
      /^absent:1: the folder cannot be read/,
      /^people\.yaml:3: people\.left: someday is no date$/,
    ])
      assert.ok(
        found.some((problem) => expected.test(problem)),
        `${expected.source} in\n${found.join('\n')}`,
      );
  });

  it('does not start with a mistake, and says all of them', () => {
    const file = write('c.yaml', 'logLevel: loud\nnosuch: 1\n');
    assert.throws(
      () => loadConfig(file, {}),
      (error) =>
        isCountersignError(error) &&
        error.code === 'CONFIG_INVALID' &&
        error.message.includes('c.yaml:1: logLevel') &&
        error.message.includes('c.yaml:2: nosuch'),
    );
    assert.throws(
      () => loadConfig(join(folder, 'absent.yaml'), {}),
      (error) => isCountersignError(error) && error.code === 'CONFIG_FILE_UNREADABLE',
    );
  });
});
