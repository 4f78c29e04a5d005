import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { caseViews, readCases } from '../cases.ts';
import { libraryFolder, loadRules, ruleFiles } from '../index.ts';
import { runMutations, runRuleCases } from '../rule-test.ts';
import { compileRules } from '../sigma/compile.ts';
import { createRuleSet } from '../sigma/rule-set.ts';
import { entry, readTrees, toValue, type MapTree } from '../sigma/tree.ts';
import { errorsOf, plainRule } from './support.ts';
import { readFileSync } from 'node:fs';

const GOOD = plainRule('sel:\n  facts.a: 1\ncondition: sel');
const library = loadRules([libraryFolder]);
const FIELDS = [
  'title',
  'id',
  'status',
  'description',
  'references',
  'date',
  'tags',
  'falsepositives',
  'level',
];

describe('the library of rules', () => {
  it('compiles, with at least 26 rules', () => {
    assert.deepEqual(library.errors, []);
    assert.ok(library.rules.length >= 26, `${library.rules.length}`);
  });

  for (const file of ruleFiles(libraryFolder)) {
    const name = file.slice(libraryFolder.length);
    it(`${name}: its cases pass and no mutant survives them`, () => {
      const { cases, errors } = runRuleCases(file);
      assert.deepEqual(errors, []);
      assert.deepEqual(
        cases.filter(({ passed }) => !passed).map((one) => `line ${one.line}: ${one.kind}: ${one.name}`),
        [],
      );
      for (const [kind, least] of [
        ['true', 3],
        ['false', 3],
        ['evasion', 1],
      ] as const)
        assert.ok(
          cases.filter((one) => one.kind === kind).length >= least,
          `at least ${least} cases ${kind}`,
        );
      const { mutants, survivors, unneeded } = runMutations(file);
      assert.ok(mutants >= 3, `${mutants} mutants`);
      assert.deepEqual({ survivors, unneeded }, { survivors: [], unneeded: [] });
    });

    it(`${name}: has everything that people need to act on it`, () => {
      const rule = readTrees(readFileSync(file, 'utf8')).at(-1) as MapTree;
      for (const field of FIELDS) assert.ok(entry(rule, field), `${field} is missing`);
      const ours = toValue(entry(rule, 'countersign')!.value) as Record<string, unknown>;
      for (const field of ['risk', 'reason', 'runbook', 'blind_spots', 'cases'])
        assert.ok(ours[field], `${field} is missing`);
      assert.match(String(toValue(entry(rule, 'tags')!.value)), /attack\.t\d{4}/);
      assert.match(String(ours['reason']), /\{[\w.]+\}/);
    });
  }

  it('lets only rules that need several signs reach lockout alone', () => {
    const strong = library.rules.filter(({ meta }) => meta.risk >= 80).map(({ detector }) => detector.name);
    assert.deepEqual(strong, ['leaver-high-risk', 'stolen-token-pattern']);
  });

  it('is indexed without losing a finding', () => {
    const set = createRuleSet();
    assert.deepEqual(set.replace(library), []);
    let met = 0;
    let found = 0;
    for (const file of ruleFiles(libraryFolder))
      for (const one of readTrees(readFileSync(file, 'utf8')).flatMap(readCases))
        for (const view of caseViews(one)) {
          const candidates = new Set(set.candidates(view));
          met += candidates.size;
          for (const loaded of library.rules) {
            const { detector } = loaded;
            const context = {
              now: 0,
              mayLearn: true,
              directory: { leftAt: () => undefined, ownerOf: () => undefined, timeZoneOf: () => 'UTC' },
            };
            if (detector.onEvent(view, detector.createState(), context).length === 0) continue;
            found++;
            assert.ok(candidates.has(loaded), detector.name);
          }
        }
    assert.ok(found > 100 && met > found);
  });
});

describe('loading of rules', () => {
  it('names file, line and reason of a mistake', () => {
    for (const [text, code, line, reason] of [
      ['title: [\n', 'SIGMA_YAML', 2, /./],
      ['title: a\ntitle: b\n', 'SIGMA_YAML', 2, /unique/],
      [GOOD.replace('condition: sel', 'condition: sel and other'), 'SIGMA_REFERENCE', 7, /"other"/],
      [GOOD.replace('condition: sel', 'condition: sel and'), 'SIGMA_CONDITION', 7, /ends/],
      [GOOD.replace('condition: sel', 'condition: 1 of x*'), 'SIGMA_REFERENCE', 7, /x\*/],
      [
        GOOD.replace('condition: sel', 'timeframe: 5m\n  condition: sel'),
        'SIGMA_UNSUPPORTED',
        7,
        /timeframe/,
      ],
      [`${GOOD}levle: high\n`, 'SIGMA_INVALID', 8, /levle/],
      [`${GOOD}level: urgent\n`, 'SIGMA_INVALID', 8, /urgent/],
      [`${GOOD}countersign:\n  risk: 200\n`, 'SIGMA_INVALID', 9, /risk/],
      [GOOD.replace('countersign', 'windows'), 'SIGMA_UNSUPPORTED', 2, /windows/],
      ['- a\n', 'SIGMA_INVALID', 1, /map/],
      ['a: &x 1\nb: *x\n', 'SIGMA_UNSUPPORTED', 2, /alias/],
      [`title: ${'x'.repeat(300_000)}`, 'SIGMA_LIMIT', 1, /bytes/],
    ] as const) {
      const [error] = errorsOf(text);
      assert.deepEqual([error?.code, error?.line, error?.file], [code, line, 'test.yml'], text.slice(0, 200));
      assert.match(error?.reason ?? '', reason);
    }
  });

  it('refuses ids, names and detectors used twice', () => {
    const twice = compileRules([
      { path: 'a.yml', text: `id: 1\n${GOOD}` },
      { path: 'b.yml', text: `id: 1\n${GOOD}` },
    ]);
    assert.deepEqual(
      twice.errors.map(({ code, file }) => [code, file]),
      [['SIGMA_DUPLICATE', 'b.yml']],
    );
  });

  it('keeps the earlier set in force on a mistake', () => {
    const set = createRuleSet();
    set.replace(compileRules([{ path: 'a.yml', text: GOOD }]));
    const before = set.rules();
    const errors = set.replace(
      compileRules([
        { path: 'a.yml', text: GOOD },
        { path: 'b.yml', text: 'title: 1' },
      ]),
    );
    assert.equal(errors.length, 1);
    assert.equal(set.rules(), before);
    assert.equal(before.length, 1);
  });

  it('gives a version that changes with the rule and not with its cases', () => {
    const versionOf = (text: string): string =>
      compileRules([{ path: 'a.yml', text }]).rules[0]!.detector.version;
    const withCases = (name: string): string =>
      `${GOOD}countersign:\n  risk: 5\n  cases:\n    true:\n      - name: ${name}\n`;
    assert.equal(versionOf(withCases('x')), versionOf(withCases('y')));
    assert.notEqual(versionOf(GOOD), versionOf(GOOD.replace('facts.a: 1', 'facts.a: 2')));
  });

  it('reads folders, and reports those that cannot be read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rules-'));
    try {
      writeFileSync(join(folder, 'b.yml'), GOOD);
      writeFileSync(join(folder, 'notes.txt'), 'no rule');
      assert.equal(loadRules([folder]).rules[0]?.detector.name, 'b');
      assert.equal(loadRules([folder, join(folder, 'missing')]).errors.length, 1);
      writeFileSync(
        join(folder, 'c.yml'),
        `${GOOD}countersign:\n  cases:\n    sometimes:\n      - name: a\n`,
      );
      assert.equal(runRuleCases(join(folder, 'c.yml')).errors[0]?.code, 'SIGMA_CASES');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
