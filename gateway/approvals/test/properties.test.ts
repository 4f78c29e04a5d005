/**
 * No interleaving of asking, deciding, revoking, time, slow news and lost gateways lets through what was not approved: two gateways on
 * one control store, whose records reach each of them as late as chance has it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import Value from 'typebox/value';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { ApprovalsConfig } from '../../../schemas/config/approvals.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { createControlView, type ControlView } from '../../control/control-view.ts';
import { IDENTITIES } from '../../control/token-index.ts';
import { command, identity, opening } from '../../sessions/test/harness.ts';
import type { StoredApproval } from '../approval.ts';
import { APPROVALS } from '../approval-entries.ts';
import { createApprovals, type Approvals } from '../create-approvals.ts';

const codec = createCodec('control-record');
const PERSONS = ['idp/ann', 'idp/bob', 'idp/cem', 'idp/olga'];
const NEEDED = 2;
const VALID_MS = 1000;
const HOLD_MS = 500;

type Step =
  | { readonly do: 'ask'; readonly gateway: number; readonly text: number }
  | {
      readonly do: 'word';
      readonly gateway: number;
      readonly which: number;
      readonly person: number;
      readonly granted: boolean;
    }
  | { readonly do: 'revoke'; readonly gateway: number }
  | { readonly do: 'news'; readonly gateway: number; readonly records: number }
  | { readonly do: 'time'; readonly ms: number }
  | { readonly do: 'lose'; readonly gateway: number }
  | { readonly do: 'leave'; readonly person: number };

const gateway = fc.constantFrom(0, 1);
const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('ask' as const), gateway, text: fc.constantFrom(0, 1) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('word' as const),
        gateway,
        which: fc.nat(1),
        person: fc.nat(PERSONS.length - 1),
        // Mostly they agree: what goes through is what could go wrong.
        granted: fc.constantFrom(true, true, true, true, true, false),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), gateway }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('news' as const),
        gateway,
        records: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 300 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), gateway }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('leave' as const), person: fc.nat(PERSONS.length - 1) }),
    },
  ),
  { minLength: 1, maxLength: 40 },
);

interface Passed {
  readonly approvalId: string;
  readonly text: string;
  readonly at: number;
}

async function play(run: readonly Step[]): Promise<{ passed: Passed[]; asked: number }> {
  const clock = createManualClock();
  const random = createSeededRandom(5);
  const store = createInProcessControlStore(
    { clock },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' },
  );
  const config: ApprovalsConfig = {
    ...(Value.Default(ApprovalsConfig, {}) as ApprovalsConfig),
    holdMs: HOLD_MS,
    expireMs: 10_000,
  };
  const put = (id: string, active: boolean): Promise<void> =>
    store.transact((transaction) =>
      transaction.put(IDENTITIES, id, {
        id,
        kind: id.startsWith('idp/') ? 'human' : 'service_account',
        displayName: id,
        groups: ['senior'],
        onBehalfOf: [],
        breakGlass: false,
        attributes: id.startsWith('idp/') ? {} : { owner: 'idp/olga' },
        active,
      }),
    );
  await put('countersign/ci', true);
  for (const person of PERSONS) await put(person, true);
  const gone = new Map<string, number>();
  const revokedAt: number[] = [];
  const passed: Passed[] = [];
  const waits: Promise<void>[] = [];
  let asked = 0;

  interface Place {
    view: ControlView;
    approvals: Approvals;
    seen: number;
    alive: number;
  }
  const makePlace = (alive: number): Place => {
    const view = createControlView({ clock });
    const approvals = createApprovals(
      { store, view, codec, clock, random, log: silentLogger, gateway: 'g' },
      config,
    );
    return { view, approvals, seen: 0, alive };
  };
  const places = [makePlace(0), makePlace(0)];
  const hear = async (place: Place, records: number): Promise<void> => {
    const all = await store.outbox(10_000);
    for (const { key, value } of all.slice(place.seen, place.seen + records)) {
      const read = codec.decode(Buffer.from(value!));
      assert.ok(read.ok);
      place.view.apply(key, read.value);
      place.seen += 1;
    }
    await new Promise(setImmediate);
  };
  const newest = async (): Promise<StoredApproval[]> =>
    (await store.list(APPROVALS, { limit: 1000 }))
      .map(({ value }) => value as unknown as StoredApproval)
      .toReversed();

  for (const step of run) {
    if (step.do === 'ask') {
      const place = places[step.gateway]!;
      const { alive } = place;
      const text = `drop table t${step.text}`;
      const how = opening();
      asked += 1;
      const { result } = place.approvals.forSessions.ask({
        identity: identity(),
        principals: [],
        client: how.client,
        target: how.target,
        sessionId: `s${asked}`,
        request: command({ text, fingerprint: text }),
        demand: {
          approvals: NEEDED,
          groups: ['senior'],
          secondFactor: false,
          scope: 'statement',
          validMs: VALID_MS,
        },
        rule: 'drops',
        reason: 'x',
        onAsked: () => undefined,
      });
      waits.push(
        result.then((known) => {
          // What a lost gateway would have let through nobody sees.
          if (known.outcome === 'granted' && place.alive === alive)
            passed.push({ approvalId: known.approval.approvalId, text, at: clock.now() });
        }),
      );
    } else if (step.do === 'word') {
      const list = await newest();
      const approval = list[step.which % Math.max(1, list.length)];
      const by = PERSONS[step.person]!;
      if (approval !== undefined && !gone.has(by))
        await places[step.gateway]!.approvals.store.decide(
          approval.approvalId,
          {
            identity: {
              id: by,
              kind: 'human',
              groups: ['senior'],
              credentialSource: 'idp/console',
              onBehalfOf: [],
            },
            factor: null,
          },
          { granted: step.granted, reason: 'because' },
        );
    } else if (step.do === 'revoke') {
      await places[step.gateway]!.approvals.store.revoke({
        since: 0,
        until: clock.now() + 1,
        by: 'soc',
        reason: 'x',
      });
      revokedAt.push(clock.now());
    } else if (step.do === 'news') await hear(places[step.gateway]!, step.records);
    else if (step.do === 'time') clock.advance(step.ms);
    else if (step.do === 'lose') {
      // Its sessions end with it; another process takes its place and reads all news again.
      places[step.gateway]!.alive += 1;
      places[step.gateway] = makePlace(0);
    } else {
      const person = PERSONS[step.person]!;
      gone.set(person, clock.now());
      await put(person, false);
    }
    await new Promise(setImmediate);
    await check(passed, await newest(), gone);
  }
  for (const place of places) await hear(place, 10_000);
  clock.advance(HOLD_MS + 1);
  await Promise.all(waits);
  await check(passed, await newest(), gone);
  await store.close();
  return { passed, asked };
}

async function check(
  passed: readonly Passed[],
  approvals: readonly StoredApproval[],
  gone: ReadonlyMap<string, number>,
): Promise<void> {
  const byId = new Map(approvals.map((approval) => [approval.approvalId, approval]));
  assert.equal(
    new Set(passed.map(({ approvalId }) => approvalId)).size,
    passed.length,
    'each lets one through',
  );
  for (const { approvalId, text } of passed) {
    const approval = byId.get(approvalId)!;
    assert.ok(approval.usedAt !== null, 'what went through is marked as used');
    assert.equal(approval.shown?.text, text, 'for that very command');
    const counted = approval.words.filter(
      ({ by, granted }) => granted && (gone.get(by) ?? Number.POSITIVE_INFINITY) >= approval.usedAt!,
    );
    assert.ok(new Set(counted.map(({ by }) => by)).size >= NEEDED, 'enough persons who were there');
    assert.ok(
      counted.every(({ by }) => by !== 'idp/olga'),
      'never the owner',
    );
    assert.ok(
      approval.words.every(({ granted }) => granted),
      'nobody refused it',
    );
    assert.ok(approval.validUntil! >= approval.usedAt, 'in its time');
    if (approval.state === 'revoked') assert.ok(approval.words.every(({ at }) => at <= approval.usedAt!));
  }
  await Promise.resolve();
}

describe('approvals: properties', () => {
  it('nothing goes through that was not approved, in time, by enough persons, once', async () => {
    let passedInAll = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        passedInAll += (await play(run)).passed.length;
      }),
      { numRuns: 300, seed: 20_261_124 },
    );
    assert.ok(passedInAll > 5, `some went through (${passedInAll}), else nothing was shown`);
  });

  it('a plain run goes through', async () => {
    const word = (person: number): Step => ({ do: 'word', gateway: 1, which: 0, person, granted: true });
    const { passed } = await play([
      { do: 'ask', gateway: 0, text: 0 },
      word(0),
      word(1),
      { do: 'news', gateway: 0, records: 4 },
    ]);
    assert.equal(passed.length, 1);
  });
});
