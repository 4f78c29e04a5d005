import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import type { Checked, Problem } from '../../platform/config/checked-yaml.ts';
import type { Config } from '../../schemas/config/config.ts';
import { policyError } from '../../gateway/policy/errors.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import { checkConfig } from '../config.ts';
import { createReloader, differences } from '../reload.ts';

const shipped = (): Config => {
  const checked = checkConfig(undefined, {});
  assert.ok(checked.ok);
  return checked.value;
};
const PROBLEM: Problem = { file: 'f', line: 3, path: 'p', reason: 'is wrong' };

/** A reloader whose parts say what was done to them. */
function makeReloader(
  config: Checked<Config>,
  playbookProblems: readonly Problem[] = [],
  refused?: CountersignError,
) {
  const done: string[] = [];
  const reload = createReloader(
    {
      log: silentLogger,
      readConfig: () => config,
      policy: () => ({
        refresh: () => Promise.resolve(refused),
        replace: (rules) => {
          done.push(`policy ${rules.length}`);
          return rules.length;
        },
      }),
      playbooks: () => {
        if (playbookProblems.length === 0) done.push('playbooks');
        return { count: 4, problems: playbookProblems };
      },
      detectors: ({ ruleFolders }) => {
        done.push(`rules ${ruleFolders.join()}`);
        return Promise.resolve({ rules: 39 });
      },
    },
    shipped(),
  );
  return { reload, done };
}

describe('reload', () => {
  it('takes over policy, playbooks, rules and directory, and names what waits for a restart', async () => {
    const config = shipped();
    const changed: Config = {
      ...config,
      ruleFolders: ['mine'],
      policy: { ...config.policy, rules: [{ name: 'a', outcome: 'allow', reason: 'b' }] },
      gateway: { ...config.gateway, holdMs: 1 },
    };
    const { reload, done } = makeReloader({ ok: true, value: changed });
    assert.deepEqual(await reload(), {
      applied: true,
      problems: [],
      policyRules: 1,
      playbooks: 4,
      rules: 39,
      restartNeeded: ['gateway.holdMs'],
    });
    assert.deepEqual(done.toSorted(), ['playbooks', 'policy 1', 'rules mine']);
  });

  it('changes nothing where there is a mistake, wherever it is found', async () => {
    const first = makeReloader({ ok: false, problems: [PROBLEM] });
    const answer = await first.reload();
    assert.deepEqual([answer.applied, answer.problems, first.done], [false, [PROBLEM], []]);
    const second = makeReloader({ ok: true, value: shipped() }, [PROBLEM]);
    const late = await second.reload();
    assert.deepEqual([late.applied, late.problems, second.done], [false, [PROBLEM], []]);
  });

  it('changes nothing where the bundle of the policy is refused, and says why', async () => {
    const fault = policyError('POLICY_BUNDLE_UNTRUSTED', { place: 'p.tar.gz', reason: 'it was changed' });
    const { reload, done } = makeReloader({ ok: true, value: shipped() }, [], fault);
    const answer = await reload();
    assert.equal(answer.applied, false);
    assert.match(answer.problems[0]!.reason, /p\.tar\.gz.*it was changed.*POLICY_BUNDLE_UNTRUSTED/);
    assert.deepEqual(done, []);
  });

  it('says that another kind of policy needs a restart', () => {
    const config = shipped();
    const other = { ...config, policy: { ...config.policy, kind: 'opa' } };
    assert.deepEqual(differences(config, other), ['policy.kind']);
  });

  it('goes on after one that failed', async () => {
    let calls = 0;
    const reload = createReloader(
      {
        log: silentLogger,
        readConfig: () => ({ ok: true, value: shipped() }),
        policy: () => ({ replace: () => 1, refresh: () => Promise.resolve(undefined) }),
        playbooks: () => ({ count: 1, problems: [] }),
        detectors: () => {
          calls += 1;
          return calls === 1
            ? Promise.reject(new Error('the thread is gone'))
            : Promise.resolve({ rules: 2 });
        },
      },
      shipped(),
    );
    const [failed, fine] = await Promise.allSettled([reload(), reload()]);
    assert.equal(failed.status, 'rejected');
    assert.ok(fine.status === 'fulfilled' && fine.value.applied);
  });

  it('names differences by path, lists as a whole', () => {
    const config = shipped();
    assert.deepEqual(differences(config, config), []);
    const other = {
      ...config,
      logLevel: 'debug',
      detectors: { ...config.detectors, riskLevel: 70 },
      connections: [{ name: 'a' }],
      policy: { ...config.policy, rules: [{ name: 'a' }], folders: ['x'] },
      ruleFolders: ['x'],
    };
    assert.deepEqual(differences(config, other).toSorted(), [
      'connections',
      'detectors.riskLevel',
      'logLevel',
    ]);
  });
});
