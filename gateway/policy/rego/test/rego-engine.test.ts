/** Policies in Rego, evaluated in this process from a real bundle: what they say, and what goes wrong. */
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { action, identity, input } from '../../test/support.ts';
import { FIXTURE } from './make-fixture.ts';
import { pack, scratch, unpackFixture } from './packing.ts';
import { AGENT, closeAll, DBA, EXPECTED, READER, start } from './support.ts';
import { until } from '../../../../test/support/until.ts';

const folder = scratch();
afterEach(closeAll);
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a policy in Rego', () => {
  for (const [name, given, expected] of EXPECTED)
    it(`decides: ${name}`, async () => {
      const { decide } = await start();
      assert.partialDeepStrictEqual(await decide(given), expected);
    });

  it('answers the same again at once, and afresh for what differs', async () => {
    const { policy, decide } = await start();
    const first = input({ identity: READER });
    assert.ok(policy.decide(first) instanceof Promise);
    await policy.decide(first);
    assert.ok(!(policy.decide(first) instanceof Promise), 'the same session, the same shape');
    assert.ok(
      !(policy.decide(structuredClone(first)) instanceof Promise),
      'another session of the same kind',
    );
    const changed = { ...first, actions: [action('write')] };
    assert.ok(policy.decide(changed) instanceof Promise);
    assert.equal((await decide({ identity: identity() })).outcome, 'deny');
    assert.ok(policy.decide({ ...first, now: first.now + 60_000 }) instanceof Promise, 'the minute counts');
    const granted = {
      ...first,
      grants: [
        { grantId: 'g', actions: ['*'], connections: ['*'], objects: ['*'], endsAt: first.now + 1000 },
      ],
    };
    assert.ok(policy.decide(granted) instanceof Promise, 'grants count');
  });

  it('may be true, may be undefined, may not be mistyped', async () => {
    assert.equal((await (await start({ entrypoint: 'countersign/yes' })).decide()).outcome, 'allow');
    const nothing = await (await start({ entrypoint: 'countersign/undefined_here' })).decide();
    assert.deepEqual([nothing.outcome, nothing.rule], ['deny', 'POLICY_UNDEFINED']);
    const typo = await (await start({ entrypoint: 'countersign/typo' })).decide();
    assert.deepEqual([typo.outcome, typo.rule], ['deny', 'POLICY_ANSWER_INVALID']);
  });

  it('that loops is ended, denied with its code, and the next decision is made', async () => {
    const { decide, engine } = await start({ entrypoint: 'countersign/loops', deadlineMs: 100 });
    const looped = await decide();
    assert.deepEqual([looped.outcome, looped.rule], ['deny', 'POLICY_TIMEOUT']);
    assert.match(looped.reason, /longer than 100 ms/);
    // Another of its kind is not kept from being tried, and is ended, too.
    assert.equal((await decide({ identity: DBA })).rule, 'POLICY_TIMEOUT');
    assert.equal(engine.fault(), undefined);
  });

  it('that loops for one does not take the answer from another', async () => {
    const { engine } = await start({ deadlineMs: 2000 });
    const many = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        engine.ask(
          JSON.stringify({
            identity: { kind: 'human', groups: ['readers'], id: String(index) },
            actions: [{ action: 'read' }],
          }),
        ),
      ),
    );
    assert.ok(many.every((asked) => asked.ok && (asked.result as { rule: string }).rule === 'groups'));
  });

  it('that wants too much memory fails, and the next decision is made', async () => {
    const hungry = await start({
      entrypoint: 'countersign/hungry',
      memoryBytesMax: 4 * 1024 * 1024,
      deadlineMs: 60_000,
    });
    const failed = await hungry.decide();
    assert.deepEqual([failed.outcome, failed.rule], ['deny', 'POLICY_FAILED']);
    assert.equal((await hungry.decide({ identity: DBA })).rule, 'POLICY_FAILED', 'the thread still answers');
  });

  it('that prints is not heard', async () => {
    const { decide } = await start({ entrypoint: 'countersign/prints' });
    assert.equal((await decide()).outcome, 'allow');
  });

  it('denies where too many wait', async () => {
    const { engine } = await start({ waitingMax: 2 });
    const asked = await Promise.all(Array.from({ length: 10 }, () => engine.ask('{}')));
    const codes = asked.map((one) => (one.ok ? 'ok' : one.error.code));
    assert.ok(codes.includes('POLICY_OVERLOADED'));
    assert.ok(codes.includes('ok'));
  });
});

describe('a bundle', () => {
  it('that is missing denies everything by its code, until it comes', async () => {
    const file = join(folder, 'late.tar.gz');
    const { decide, engine } = await start({ bundleFile: file });
    const denied = await decide({ identity: READER });
    assert.deepEqual([denied.outcome, denied.rule], ['deny', 'POLICY_BUNDLE_MISSING']);
    assert.equal(engine.fault()?.code, 'POLICY_BUNDLE_MISSING');
    copyFileSync(FIXTURE, `${file}.new`);
    renameSync(`${file}.new`, file);
    await until('it is in force', () => engine.fault() === undefined);
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
  });

  it('that changes is in force without a restart, and what was decided before is forgotten', async () => {
    const file = join(folder, 'changing.tar.gz');
    const files = unpackFixture();
    pack(files, file);
    const { decide, engine } = await start({ bundleFile: file });
    assert.deepEqual((await decide({ identity: AGENT })).limits, { rowsMax: 1000 });
    const before = engine.revision();
    const data = JSON.parse(files.get('data.json')!.toString()) as { limits: { agent_rows: number } };
    data.limits.agent_rows = 7;
    pack(new Map<string, Buffer | string>(files).set('data.json', JSON.stringify(data)), `${file}.new`);
    renameSync(`${file}.new`, file);
    await until('it is in force', () => engine.revision() !== before);
    assert.deepEqual((await decide({ identity: AGENT })).limits, { rowsMax: 7 });
  });

  it('that is broken leaves the one before in force, and says so', async () => {
    const file = join(folder, 'breaking.tar.gz');
    copyFileSync(FIXTURE, file);
    const { decide, engine } = await start({ bundleFile: file, pollMs: 86_400_000 });
    writeFileSync(file, 'no bundle at all');
    assert.equal((await engine.refresh())?.code, 'POLICY_BUNDLE_INVALID');
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
    assert.equal((await engine.refresh())?.code, 'POLICY_BUNDLE_INVALID', 'still');
    rmSync(file);
    assert.equal((await engine.refresh())?.code, 'POLICY_BUNDLE_MISSING');
    assert.equal((await decide({ identity: DBA })).outcome, 'allow');
    copyFileSync(FIXTURE, file);
    assert.equal(await engine.refresh(), undefined);
  });

  const wrong: readonly [string, (files: Map<string, Buffer | string>) => void, RegExp][] = [
    ['without WebAssembly', (files) => files.set('.manifest', '{}'), /-t wasm/],
    ['whose module is missing', (files) => files.delete('policy.wasm'), /policy\.wasm is missing/],
    ['whose module is no module', (files) => files.set('policy.wasm', 'not wasm'), /./],
    ['whose data is no JSON', (files) => files.set('data.json', '{'), /data\.json is no JSON/],
    [
      'whose data stands twice',
      (files) => files.set('limits/data.json', '{"agent_rows": 5}'),
      /is there already/,
    ],
  ];
  for (const [name, change, reason] of wrong)
    it(`${name} is refused, and everything denied`, async () => {
      const file = join(folder, `${name.replaceAll(' ', '-')}.tar.gz`);
      const files = new Map<string, Buffer | string>(unpackFixture());
      change(files);
      pack(files, file);
      const { decide, engine } = await start({ bundleFile: file });
      assert.equal(engine.fault()?.code, 'POLICY_BUNDLE_INVALID');
      assert.match(engine.fault()!.message, reason);
      assert.equal((await decide({ identity: READER })).rule, 'POLICY_BUNDLE_INVALID');
    });

  it('that was not built with the entrypoint is refused with those it has', async () => {
    const { engine } = await start({ entrypoint: 'countersign/other' });
    assert.match(engine.fault()!.message, /-e countersign\/other \(only .*countersign\/decision/);
  });

  it('that is larger than its bound is refused before it is unpacked', async () => {
    const { engine } = await start({ bundleBytesMax: 100_000 });
    assert.equal(engine.fault()?.code, 'POLICY_BUNDLE_INVALID');
  });
});
