import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { CommandAnalyser } from '../../analysis.ts';
import { createCommandAnalyser } from '../../shell/analyse-command.ts';
import { ALLOW, DENY } from './bypasses.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { createChance, variantOf } from './variants.ts';

const VARIANTS = 10_000;
const SAMPLE = 120;
/** Of what passes the lists outside of exec-only, so many are run; all with VARIANTS_FULL (two minutes). */
const RUN_MAX = process.env['VARIANTS_FULL'] === undefined ? 150 : VARIANTS;
const SEED = Number(process.env['VARIANTS_SEED'] ?? 7);
const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();

describe('ssh commands: generated variants', () => {
  const chance = createChance(SEED);
  const variants = Array.from({ length: VARIANTS }, () => variantOf(chance));
  let commands: CommandAnalyser;
  let oracle: Oracle;
  before(async () => {
    commands = await createCommandAnalyser();
    oracle = createOracle();
  });
  after(() => oracle.close());
  const passing = (lists: object, execOnly: boolean): string[] =>
    variants.filter(
      (line) => commands.analyse(line, { kind: 'exec', lists, execOnly, hmac }).forcedDenial === undefined,
    );

  /** What passes and yet runs the denied program; of what passes every line is run. */
  const failures = (passed: readonly string[]): string[] => {
    const ran = oracle.run(passed);
    return passed.filter((_, at) => ran[at]);
  };

  it('are different, and many do run the denied program', (t) => {
    assert.ok(new Set(variants).size > VARIANTS * 0.9);
    const sample = variants.slice(0, SAMPLE);
    const share = oracle.run(sample).filter(Boolean).length / SAMPLE;
    t.diagnostic(
      `seed ${SEED}: ${new Set(variants).size} different, ${Math.round(share * 100)} % of a sample run it`,
    );
    assert.ok(share > 0.4, String(share));
  });

  it('exec-only: none that passes runs it', (t) => {
    const passed = passing({ allow: ALLOW }, true);
    t.diagnostic(`${passed.length} of ${VARIANTS} pass`);
    assert.ok(passed.length > 20);
    assert.ok(passed.length < 2000);
    assert.deepEqual(failures(passed), []);
  });

  it('allow list: none that passes runs it', (t) => {
    const passed = passing({ allow: ALLOW }, false);
    t.diagnostic(`${passed.length} of ${VARIANTS} pass`);
    assert.ok(passed.length > 20);
    assert.deepEqual(failures(passed.slice(0, RUN_MAX)), []);
  });

  it('deny list: none that passes runs it', (t) => {
    const passed = passing({ deny: DENY }, false);
    t.diagnostic(`${passed.length} of ${VARIANTS} pass`);
    assert.ok(passed.length > 20);
    assert.deepEqual(failures(passed.slice(0, RUN_MAX)), []);
  });
});
