/** Rates over several gateways: on one PostgreSQL and one log, and what is told and forgotten by a clock of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '../../../platform/clock/manual-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { until } from '../../../test/support/until.ts';
import type { Member } from '../../control/test/cluster.ts';
import { withClusters } from '../../control/test/with-clusters.ts';
import { command, identity, opening } from '../../sessions/test/harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createBuiltInPolicy } from '../built-in-policy.ts';
import { createSharedRates, forgettingOfRates, REQUEST_RATES } from '../shared-rates.ts';

const MOST = 100;
const policyOf = (per: 'identity' | 'session') =>
  createBuiltInPolicy({
    rules: [
      {
        name: 'slowly',
        outcome: 'allow',
        reason: 'Some at a time.',
        rate: { requestsPerMinuteMax: MOST, per },
      },
    ],
  });

describe('rates over two gateways', () => {
  const given = withClusters();

  const pair = (per: 'identity' | 'session'): Promise<Member[]> =>
    Promise.all(['one', 'two'].map((id) => given.cluster.start(id, { policy: policyOf(per) })));
  const asking = ({ core }: Member, id: string) => {
    const result = core.sessions.open(opening({ identity: identity({ id }) }));
    assert.ok(result.ok);
    return () => result.session.request(command()).first;
  };
  const revisionOf = async ({ store, id }: Member): Promise<number> =>
    (await store.get(REQUEST_RATES, id))?.revision ?? 0;

  it('an identity that spreads its requests is stopped by what it asked for at both', async () => {
    const [one, two] = await pair('identity');
    const first = asking(one!, 'countersign/ci');
    const second = asking(two!, 'countersign/ci');
    const other = asking(two!, 'countersign/other');
    for (let asked = 0; asked < MOST; asked += 1) assert.equal(first(), 'allow');
    let allowed = 0;
    while (second() === 'allow') {
      allowed += 1;
      assert.ok(allowed < 10, 'it is told within some rounds');
      // Two rounds of its own: what the other told is in the second one.
      for (const _ of [1, 2]) {
        const before = await revisionOf(two!);
        await until('it has told its rates again', async () => (await revisionOf(two!)) > before);
      }
    }
    assert.equal(other(), 'allow', 'others have their own');
    assert.equal(first(), 'deny', 'and so it is where it began');
  });

  it('nothing is told where no rule looks at identities', async () => {
    const [one, two] = await pair('session');
    assert.equal(asking(one!, 'countersign/ci')(), 'allow');
    // The sessions themselves are told in the same rhythm, and later than the first round of the rates.
    await until(
      'the session is known elsewhere',
      async () => (await two!.core.sessions.elsewhere.list(10)).length === 1,
    );
    assert.deepEqual(await one!.store.list(REQUEST_RATES, { limit: 10 }), []);
  });
});

describe('shared rates', () => {
  const make = (options: { shared?: boolean } = {}) => {
    const clock = createManualClock();
    const entries = new Map<string, { id: string; revision: number; value: unknown }>();
    const state = { revision: 0, away: false, wanted: true, own: new Map<string, number>() };
    const put = (id: string, value: unknown): void => {
      state.revision += 1;
      entries.set(id, { id, revision: state.revision, value });
    };
    const through = async <R>(work: () => R): Promise<R> => {
      if (state.away) throw new Error('away');
      return work();
    };
    const store = {
      ...(options.shared === false ? {} : { presence: { id: 'p', isGone: async () => false } }),
      transact: (work: (transaction: object) => Promise<unknown>) =>
        through(() => work({ put: async (_: string, id: string, value: unknown) => put(id, value) })),
      list: () => through(() => [...entries.values()]),
    } as unknown as ControlStore;
    const rates = createSharedRates(
      { store, clock, log: silentLogger, own: () => state.own, wanted: () => state.wanted },
      { gateway: 'here' },
    );
    rates.start();
    const round = async (ms = 1000): Promise<void> => {
      clock.advance(ms);
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    };
    const tell = (gateway: string, requests: number): void =>
      put(gateway, { at: clock.now(), counts: [['ci', requests]] });
    return { rates, state, entries, put, tell, round, clock };
  };

  it('add up what others tell, and forget who is silent for a minute', async () => {
    const { rates, tell, round } = make();
    await round();
    tell('one', 5);
    tell('two', 7);
    tell('here', 100);
    await round();
    assert.equal(rates.ofOthers('ci'), 12);
    assert.equal(rates.ofOthers('else'), 0);
    for (let seconds = 0; seconds < 40; seconds += 1) await round();
    tell('two', 3);
    await round();
    assert.equal(rates.ofOthers('ci'), 8);
    for (let seconds = 0; seconds < 30; seconds += 1) await round();
    assert.equal(rates.ofOthers('ci'), 3);
    await rates.stop();
  });

  it('what was told before this gateway began counts once it is told anew', async () => {
    const { rates, tell, round } = make();
    tell('one', 5);
    await round();
    assert.equal(rates.ofOthers('ci'), 0);
    tell('one', 6);
    await round();
    assert.equal(rates.ofOthers('ci'), 6);
    await rates.stop();
  });

  it('what was heard grows old also without the store, and is there again with it', async () => {
    const { rates, state, tell, round } = make();
    await round();
    tell('one', 5);
    await round();
    state.away = true;
    await round();
    assert.equal(rates.ofOthers('ci'), 5);
    for (let seconds = 0; seconds < 61; seconds += 1) await round();
    assert.equal(rates.ofOthers('ci'), 0);
    state.away = false;
    tell('one', 4);
    await round();
    assert.equal(rates.ofOthers('ci'), 4);
    await rates.stop();
  });

  it('tell the busiest only, then that there are none, then nothing; and nothing where one process has the store', async () => {
    const { rates, state, entries, round } = make();
    for (let at = 0; at < 5000; at += 1) state.own.set(`identity-${at}`, at + 1);
    await round();
    const told = entries.get('here')!.value as { counts: [string, number][] };
    assert.equal(told.counts.length, 2000);
    assert.deepEqual(told.counts[0], ['identity-4999', 5000]);
    state.own.clear();
    await round();
    assert.deepEqual((entries.get('here')!.value as { counts: unknown[] }).counts, []);
    const { revision } = entries.get('here')!;
    await round();
    assert.equal(entries.get('here')!.revision, revision);
    await rates.stop();
    const alone = make({ shared: false });
    alone.state.own.set('ci', 3);
    await alone.round();
    assert.equal(alone.entries.size, 0);
  });

  it('entries of gateways that are gone are forgotten', () => {
    const entry = { id: 'one', revision: 1, value: { at: 1_000_000, counts: [] } };
    assert.equal(forgettingOfRates.isOver(entry, 1_000_000 + 3_500_000), false);
    assert.equal(forgettingOfRates.isOver(entry, 1_000_000 + 3_700_000), true);
  });
});
