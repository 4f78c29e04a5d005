import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Value from 'typebox/value';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { createInProcessControlStore } from '../../platform/control-store/sqlite/sqlite-control-store.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import type { LocalReload } from '../../schemas/api/reload.ts';
import { ControlStoreConfig } from '../../schemas/config/control-store.ts';
import { createReloadEverywhere } from '../reload-everywhere.ts';
import type { RoleName } from '../roles.ts';
import { until } from '../../test/support/until.ts';

const APPLIED: LocalReload = {
  applied: true,
  problems: [],
  policyRules: 1,
  playbooks: 2,
  rules: 3,
  restartNeeded: [],
};
const REFUSED: LocalReload = {
  ...APPLIED,
  applied: false,
  problems: [{ file: 'policy.yml', line: 7, path: 'rules.0', reason: 'is wrong' }],
};

function setUp() {
  const clock = createSystemClock();
  const store = createInProcessControlStore(
    { clock },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' },
  );
  const gateway = async (
    gatewayId: string,
    {
      answer = APPLIED,
      roles = ['gateway'],
      waitMs,
    }: {
      readonly answer?: LocalReload;
      readonly roles?: readonly RoleName[];
      readonly waitMs?: number;
    } = {},
  ) => {
    let times = 0;
    const everywhere = createReloadEverywhere(
      {
        store,
        clock,
        log: silentLogger,
        local: async () => {
          times += 1;
          return answer;
        },
      },
      { gatewayId, roles, ...(waitMs === undefined ? {} : { waitMs }) },
    );
    await store.transact((transaction) => transaction.put('leases', gatewayId, {}));
    await everywhere.start();
    return { ...everywhere, times: () => times };
  };
  return { store, gateway };
}

describe('reload everywhere', () => {
  it('every gateway reads its files, each once, and the answer says what became of it', async () => {
    const { gateway, store } = setUp();
    const [one, two, three] = await Promise.all([
      gateway('one'),
      gateway('two'),
      gateway('three', { answer: REFUSED }),
    ]);
    const answer = await one.reload();
    assert.deepEqual(answer, {
      ...APPLIED,
      gateways: [
        { gateway: 'three', outcome: 'refused', reason: 'policy.yml:7: is wrong' },
        { gateway: 'two', outcome: 'applied', reason: '' },
      ],
      notReached: ['ingest', 'detectors', 'responders'],
    });
    assert.equal((await two.reload()).applied, true);
    await until('the first has followed', () => one.times() === 2);
    assert.deepEqual([one.times(), two.times(), three.times()], [2, 2, 2]);
    for (const each of [one, two, three]) each.stop();
    await store.close();
  });

  it('where the files of the gateway that is asked have a mistake, nobody else is asked', async () => {
    const { gateway, store } = setUp();
    const one = await gateway('one', { answer: REFUSED });
    const two = await gateway('two');
    const answer = await one.reload();
    assert.deepEqual([answer.applied, answer.gateways], [false, []]);
    assert.equal(await store.get('reloads', 'asked'), undefined);
    assert.equal(two.times(), 0);
    for (const each of [one, two]) each.stop();
    await store.close();
  });

  it('a gateway that says nothing is named; one process with all roles misses nothing', async () => {
    const { gateway, store } = setUp();
    const one = await gateway('one', {
      roles: ['ingest', 'detectors', 'gateway', 'responders'],
      waitMs: 100,
    });
    await store.transact((transaction) => transaction.put('leases', 'hanging', {}));
    const answer = await one.reload();
    assert.deepEqual(answer.gateways, [
      { gateway: 'hanging', outcome: 'silent', reason: 'it has not answered' },
    ]);
    assert.deepEqual(answer.notReached, []);
    one.stop();
    await store.close();
  });

  it('a gateway that starts later does not repeat what was asked before', async () => {
    const { gateway, store } = setUp();
    const one = await gateway('one');
    await one.reload();
    const late = await gateway('late');
    await one.reload();
    assert.equal(late.times(), 1);
    for (const each of [one, late]) each.stop();
    await store.close();
  });
});
