/** What is held when a grant comes, where the policy takes its time to answer: what happens meanwhile counts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import type { ApprovalState, ControlRecord, Grant } from '../../../schemas/types.ts';
import type { PolicyDecision } from '../../policy/decision.ts';
import { command, identity, opening } from '../../sessions/test/harness.ts';
import type { StoredApproval } from '../approval.ts';
import type { ApprovalStore } from '../approval-store.ts';
import { createApprovalsView } from '../approvals-view.ts';
import { createAsk, type ApprovalAsk } from '../ask.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
};

function make() {
  const clock = createManualClock();
  let apply: (record: { body: ControlRecord['body'] }) => void = () => undefined;
  const view = createApprovalsView({
    clock,
    view: { onApplied: (callback) => void (apply = callback as never) },
  });
  const kept = new Map<string, StoredApproval>();
  const withdrawn: string[] = [];
  const store = {
    async add(approval: StoredApproval) {
      kept.set(approval.approvalId, approval);
      return { ok: true, value: approval };
    },
    async withdraw(approvalId: string) {
      withdrawn.push(approvalId);
      return { ok: true, value: kept.get(approvalId)! };
    },
    claim: (approvalId: string) => Promise.resolve({ ok: true, value: kept.get(approvalId)! }),
  } as unknown as ApprovalStore;
  const asked: PromiseWithResolvers<PolicyDecision | undefined>[] = [];
  const ask = createAsk(
    {
      store,
      view,
      clock,
      random: createSeededRandom(1),
      log: silentLogger,
      gateway: 'one',
      onNew: () => undefined,
    },
    { holdMs: 600_000, holdInTransactionMs: 30_000, expireMs: 3_600_000, noticeMs: 10_000 },
  );
  const { client, target } = opening();
  const waiting: ApprovalAsk = {
    identity: identity(),
    principals: [],
    client,
    target,
    sessionId: 's1',
    request: command(),
    demand: { approvals: 1, groups: [], secondFactor: false, scope: 'statement', validMs: 60_000 },
    rule: 'drops',
    reason: 'x',
    onAsked: () => undefined,
    underGrant() {
      const answer = Promise.withResolvers<PolicyDecision | undefined>();
      asked.push(answer);
      return answer.promise;
    },
  };
  const grant = (extra: Partial<Grant> = {}): void =>
    apply({
      body: {
        kind: 'grant',
        grantId: 'g1',
        approvalId: 'a',
        name: 'restore',
        identityId: identity().id,
        connections: ['*'],
        actions: ['*'],
        objects: [],
        targetRole: null,
        startsAt: clock.now(),
        endsAt: clock.now() + 60_000,
        endedAt: null,
        endedBy: null,
        reason: 'x',
        ticket: null,
        ...extra,
      },
    });
  const tell = (state: ApprovalState['state']): void => {
    const { approvalId, binding, rule, reason, requestedAt, expiresAt } = [...kept.values()][0]!;
    const { id: identityId } = identity();
    const { connection } = target;
    const fields = {
      approvalId,
      state,
      identityId,
      connection,
      binding,
      rule,
      reason,
      requestedAt,
      expiresAt,
    };
    apply({
      body: {
        kind: 'approval',
        scope: 'statement',
        sessionId: null,
        decidedBy: [],
        validUntil: null,
        ...fields,
      },
    });
  };
  return { clock, ask, waiting, asked, grant, tell, withdrawn };
}
const ALLOW: PolicyDecision = { outcome: 'allow', rule: 'grant:g1', reason: 'granted', grantId: 'g1' };

describe('what is held when a grant comes', () => {
  it('goes on with the answer of the policy, and its approval is withdrawn', async () => {
    const { ask, waiting, asked, grant, withdrawn } = make();
    const { result } = ask(waiting);
    await settle();
    grant();
    asked[0]!.resolve(ALLOW);
    const found = await result;
    assert.ok(found.outcome === 'covered' && found.decision === ALLOW);
    assert.equal(withdrawn.length, 1);
  });

  it('does not where the grant has ended while the policy was asked', async () => {
    const { clock, ask, waiting, asked, grant, withdrawn } = make();
    const held = ask(waiting);
    await settle();
    grant();
    grant({ endedAt: clock.now(), endedBy: 'x' });
    asked[0]!.resolve(ALLOW);
    await settle();
    assert.deepEqual(withdrawn, []);
    held.end();
    assert.equal((await held.result).outcome, 'denied');
  });

  it('hears of the end of its approval only after the policy has answered', async () => {
    const { ask, waiting, asked, grant, tell } = make();
    const first = ask(waiting);
    await settle();
    grant();
    tell('withdrawn');
    asked[0]!.resolve(ALLOW);
    assert.equal((await first.result).outcome, 'covered');
    const other = make();
    const second = other.ask(other.waiting);
    await settle();
    other.grant();
    other.tell('withdrawn');
    other.asked[0]!.resolve(undefined);
    assert.equal((await second.result).outcome, 'denied');
  });

  it('is not the business of grants of others, and waits for one that begins later', async () => {
    const { clock, ask, waiting, asked, grant } = make();
    const { result } = ask(waiting);
    await settle();
    grant({ identityId: 'countersign/other' });
    grant({ startsAt: clock.now() + 500 });
    await settle();
    assert.equal(asked.length, 0);
    clock.advance(500);
    asked[0]!.resolve(ALLOW);
    assert.equal((await result).outcome, 'covered');
  });

  it('a grant that came before the store had the approval counts, too', async () => {
    const { ask, waiting, asked, grant, withdrawn } = make();
    const { result } = ask(waiting);
    grant();
    asked[0]!.resolve(ALLOW);
    assert.equal((await result).outcome, 'covered');
    await settle();
    assert.equal(withdrawn.length, 1, 'nobody is left with a question that has an answer');
  });
});
