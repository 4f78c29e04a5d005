/** Approvals over two gateways on one PostgreSQL and one log, from the held command to what revoking ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApprovalsConfig } from '../../../schemas/config/approvals.ts';
import Value from 'typebox/value';
import { until } from '../../../test/support/until.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { Identity, SessionEvent } from '../../../schemas/types.ts';
import type { Member } from '../../control/test/cluster.ts';
import { withClusters } from '../../control/test/with-clusters.ts';
import type { ApprovalDemand, Policy } from '../../policy/decision.ts';
import { codec, command, identity, opening } from '../../sessions/test/harness.ts';
import type { GateDecision, RequestInput } from '../../sessions/session.ts';
import type { StoredApproval } from '../approval.ts';
import type { Approver } from '../approver.ts';

const CI = 'countersign/ci';
const drop = (extra: Partial<RequestInput> = {}): RequestInput =>
  command({
    text: 'drop table orders',
    fingerprint: 'drop-orders',
    actions: [{ action: 'drop', objectKind: 'table', object: 'public.orders', columns: [], whole: false }],
    risk: 'medium',
    ...extra,
  });
const person = (name: string, extra: Partial<Approver['identity']> = {}): Approver => ({
  identity: {
    id: `idp/${name}`,
    kind: 'human',
    groups: ['senior'],
    credentialSource: 'idp/console',
    onBehalfOf: [],
    ...extra,
  },
  factor: 'webauthn',
});
/** Everything that drops asks, unless a grant covers it. */
const asking = (demand: Partial<ApprovalDemand> = {}): Policy => ({
  version: 1,
  decide({ actions, grants = [] }) {
    if (!actions.some(({ action }) => action === 'drop'))
      return { outcome: 'allow', rule: 'all', reason: 'x' };
    const grant = grants.find((one) => one.actions.includes('drop'));
    if (grant !== undefined)
      return { outcome: 'allow', rule: 'drops', reason: 'granted', grantId: grant.grantId };
    return {
      outcome: 'hold_approval',
      rule: 'drops',
      reason: 'dropping needs a person',
      approval: {
        approvals: 1,
        groups: ['senior'],
        secondFactor: true,
        scope: 'statement',
        validMs: 600_000,
        ...demand,
      },
    };
  },
});
const template = (extra: object = {}) => ({
  ...(Value.Default(ApprovalsConfig.properties.grantTemplates.items, {
    name: 'restore-db',
    connections: ['main'],
    actions: ['drop'],
    groups: ['senior'],
  }) as ApprovalsConfig['grantTemplates'][number]),
  ...extra,
});
const ok = { granted: true, reason: 'looked at it' };

describe('approvals', () => {
  const given = withClusters();

  const account = (member: Member, id: string, extra: object = {}): Promise<void> =>
    member.core.tokens.putIdentity({
      id,
      kind: id === CI ? 'service_account' : 'human',
      displayName: id,
      groups: id === CI ? [] : ['senior'],
      onBehalfOf: [],
      breakGlass: false,
      attributes: id === CI ? { owner: 'idp/olga' } : {},
      ...extra,
    });
  const pair = async (
    demand: Partial<ApprovalDemand> = {},
    approvals: Partial<ApprovalsConfig> = {},
  ): Promise<[Member, Member]> => {
    const members = await Promise.all(
      ['one', 'two'].map((id) => given.cluster.start(id, { policy: asking(demand), approvals })),
    );
    for (const id of [CI, 'idp/olga', 'idp/ann', 'idp/bob']) await account(members[0]!, id);
    return [members[0]!, members[1]!];
  };
  const open = ({ core }: Member, extra: Partial<Identity> = {}) => {
    const how = opening({ identity: identity(extra) });
    const result = core.sessions.open(how);
    assert.ok(result.ok);
    return { how, session: result.session };
  };
  const pending = async ({ core }: Member): Promise<StoredApproval> => {
    let found: StoredApproval | undefined;
    await until('an approval is pending', async () => {
      found = (await core.approvals.store.list({ limit: 10 })).find(({ state }) => state === 'pending');
      return found !== undefined;
    });
    return found!;
  };
  const decide = ({ core }: Member, approvalId: string, approver: Approver, word = ok) =>
    core.approvals.store.decide(approvalId, approver, word);
  const held = (gate: { decision: GateDecision | Promise<GateDecision> }): Promise<GateDecision> => {
    assert.ok(gate.decision instanceof Promise, 'it waits');
    return gate.decision;
  };
  const events = async (wanted: (event: SessionEvent) => boolean, count: number): Promise<SessionEvent[]> => {
    const found: SessionEvent[] = [];
    const reader = await given.cluster.eventLog.read({
      topic: TOPICS.sessionEvents.name,
      onRecords: (records) => {
        for (const { value } of records) {
          const read = codec.decode(value!);
          if (read.ok && wanted(read.value)) found.push(read.value);
        }
        return Promise.resolve();
      },
      onFailure: (error) => assert.fail(String(error)),
    });
    await until('the events are in the log', () => found.length >= count);
    await reader.close();
    return found;
  };

  it('hold a command until a person at another gateway agrees, and the trail says who', async () => {
    const [one, two] = await pair();
    const { session } = open(one);
    const notices: string[] = [];
    const gate = session.request(drop({ notify: (message) => void notices.push(message) }));
    const decision = held(gate);
    const approval = await pending(two);
    assert.equal(approval.identityId, CI);
    assert.equal(approval.shown?.text, 'drop table orders');
    assert.deepEqual(approval.shown?.actions, ['drop table public.orders']);
    await until('there is a notice', () => notices.length > 0);
    assert.match(notices[0]!, new RegExp(`waiting for approval ${approval.approvalId}`));
    const decided = await decide(two, approval.approvalId, person('ann'));
    assert.ok(decided.ok && decided.value.state === 'granted');
    const final = await decision;
    assert.equal(final.outcome, 'allow');
    assert.match(final.reason, /idp\/ann/);
    const trail = await events(
      ({ session: of, body }) =>
        of?.id === session.id && ['approval_requested', 'decision'].includes(body.kind),
      2,
    );
    assert.deepEqual(
      trail.map(({ body }) => body.kind),
      ['approval_requested', 'decision'],
    );
    assert.equal((await two.core.approvals.store.get(approval.approvalId))?.state, 'used');
  });

  it('let one command through once: not again, not another, not another identity', async () => {
    const [one, two] = await pair();
    const { session } = open(one);
    const first = held(session.request(drop()));
    const { approvalId } = await pending(one);
    await decide(one, approvalId, person('ann'));
    assert.equal((await first).outcome, 'allow');
    for (const gate of [
      session.request(drop()),
      session.request(drop({ text: 'drop table users', fingerprint: 'drop-users' })),
      open(two, { id: 'countersign/other', tokenId: 't2' }).session.request(drop()),
    ])
      assert.equal(gate.first, 'hold_approval');
    await until(
      'the approvals are stored',
      async () => (await one.core.approvals.store.list({ limit: 10 })).length === 4,
    );
  });

  it('refuse what a person refuses', async () => {
    const [one, two] = await pair();
    const decision = held(open(one).session.request(drop()));
    const { approvalId } = await pending(two);
    // Refusing opens nothing, so it needs no second factor.
    const refused = await decide(
      two,
      approvalId,
      { ...person('bob'), factor: null },
      { granted: false, reason: 'not today' },
    );
    assert.ok(refused.ok);
    const final = await decision;
    assert.equal(final.outcome, 'deny');
    assert.equal(final.rule, 'APPROVAL_REFUSED');
    const late = await decide(two, approvalId, person('ann'));
    assert.equal(late.ok ? '' : late.error.code, 'APPROVAL_NOT_PENDING');
  });

  it('take no word of the requester, its owner, its source, juniors, machines, or without the second factor', async () => {
    const [one] = await pair();
    const decision = held(open(one).session.request(drop()));
    const { approvalId } = await pending(one);
    const cases: [Approver, string][] = [
      [{ ...person('x', { id: CI }), factor: 'totp' }, 'APPROVAL_OWN'],
      [person('olga'), 'APPROVAL_OWN'],
      [person('ann', { credentialSource: 'ci/main' }), 'APPROVAL_OWN'],
      [person('ann', { groups: ['junior'] }), 'APPROVAL_NOT_SENIOR'],
      [person('bot', { kind: 'service_account' }), 'APPROVAL_NOT_A_PERSON'],
      [person('ann', { onBehalfOf: ['idp/eve'] }), 'APPROVAL_NOT_A_PERSON'],
      [{ ...person('ann'), factor: null }, 'APPROVAL_FACTOR_NEEDED'],
    ];
    for (const [approver, code] of cases) {
      const answer = await decide(one, approvalId, approver);
      assert.equal(answer.ok ? 'granted' : answer.error.code, code);
    }
    const absent = await decide(one, 'nothing', person('ann'));
    assert.equal(absent.ok ? '' : absent.error.code, 'APPROVAL_ABSENT');
    assert.ok((await decide(one, approvalId, person('ann'))).ok);
    assert.equal((await decision).outcome, 'allow');
  });

  it('count each of several persons once, and none who is locked out meanwhile', async () => {
    const [one, two] = await pair({ approvals: 2 });
    const decision = held(open(one).session.request(drop()));
    const { approvalId } = await pending(two);
    const first = await decide(two, approvalId, person('ann'));
    assert.ok(first.ok && first.value.state === 'pending');
    const again = await decide(one, approvalId, person('ann'));
    assert.equal(again.ok ? '' : again.error.code, 'APPROVAL_DECIDED_BEFORE');
    const locked = await one.core.control.lockout({
      by: 'x',
      reason: 'phished',
      incidentId: null,
      idempotencyKey: null,
      subjectKind: 'identity',
      subject: 'idp/ann',
      ttlMs: null,
      exerciseId: null,
      automation: null,
    });
    assert.ok(locked.ok && (await one.inForce(locked.value.revision)));
    const second = await decide(one, approvalId, person('bob'));
    assert.ok(second.ok && second.value.state === 'pending', 'the word of who is locked out does not count');
    await account(one, 'idp/cem');
    const third = await decide(one, approvalId, person('cem'));
    assert.ok(third.ok && third.value.state === 'granted');
    assert.equal((await decision).outcome, 'allow');
  });

  it('are decided once, also by two at the same time on two gateways', async () => {
    const [one, two] = await pair();
    const decision = held(open(one).session.request(drop()));
    const { approvalId } = await pending(one);
    const answers = await Promise.all([
      decide(one, approvalId, person('ann')),
      decide(two, approvalId, person('bob'), { granted: false, reason: 'no' }),
    ]);
    assert.equal(answers.filter(({ ok: fine }) => fine).length, 1);
    assert.equal((await decision).outcome, answers[0].ok ? 'allow' : 'deny');
  });

  it('tell a client that waited long enough to come back, and let it through at any gateway then', async () => {
    const [one, two] = await pair({}, { holdMs: 50 });
    const waited = await held(open(one).session.request(drop()));
    assert.equal(waited.outcome, 'deny');
    assert.equal(waited.rule, 'APPROVAL_WAITS');
    const { approvalId } = await pending(two);
    assert.match(waited.reason, new RegExp(approvalId));
    await decide(two, approvalId, person('ann'));
    await until('it is granted there', () => one.core.approvals.view.get(approvalId)?.state === 'granted');
    await until('it is granted there', () => two.core.approvals.view.get(approvalId)?.state === 'granted');
    // Two gateways at once: one of them gets it.
    const finals = await Promise.all([
      held(open(one).session.request(drop())),
      held(open(two).session.request(drop())),
    ]);
    assert.deepEqual(finals.map(({ outcome }) => outcome).sort(), ['allow', 'deny']);
  });

  it('wait only a short time inside a transaction', async () => {
    const [one] = await pair({}, { holdMs: 3_600_000, holdInTransactionMs: 50 });
    const waited = await held(open(one).session.request(drop({ inTransaction: true })));
    assert.equal(waited.rule, 'APPROVAL_WAITS');
  });

  it('end the wait of a client that gives up, and of a session that ends', async () => {
    const [one] = await pair();
    const first = open(one).session.request(drop());
    await pending(one);
    first.abandon!();
    assert.equal((await held(first)).outcome, 'deny');
    const { session } = open(one);
    const second = held(session.request(drop({ text: 'drop table b' })));
    await until(
      'the approvals are stored',
      async () => (await one.core.approvals.store.list({ limit: 9 })).length === 2,
    );
    session.close('client_closed');
    assert.equal((await second).outcome, 'deny');
  });

  it('outlive the gateway that asked: the command goes through at another', async () => {
    const [one, two] = await pair();
    const { session } = open(one);
    void session.request(drop());
    const { approvalId } = await pending(two);
    one.die();
    await decide(two, approvalId, person('ann'));
    await until('it is granted there', () => two.core.approvals.view.get(approvalId)?.state === 'granted');
    assert.equal((await held(open(two).session.request(drop()))).outcome, 'allow');
  });

  it('hold for the rest of a session where the rule says so', async () => {
    const [one] = await pair({ scope: 'session' });
    const { session } = open(one);
    const first = held(session.request(drop()));
    const { approvalId } = await pending(one);
    await decide(one, approvalId, person('ann'));
    assert.equal((await first).outcome, 'allow');
    const next = session.request(drop({ text: 'drop table b', fingerprint: 'b' }));
    assert.ok(!(next.decision instanceof Promise) && next.decision.outcome === 'allow');
    assert.equal(open(one).session.request(drop()).first, 'hold_approval');
  });

  it('end what they opened when they are revoked, on every gateway', async () => {
    const [one, two] = await pair();
    const since = Date.now() - 1000;
    const { session, how } = open(one);
    const first = held(session.request(drop()));
    const { approvalId } = await pending(two);
    await decide(two, approvalId, person('ann'));
    assert.equal((await first).outcome, 'allow');
    const other = open(one);
    const before = await two.core.approvals.store.revoke({
      since: 0,
      until: since,
      by: 'soc',
      reason: 'too early',
    });
    assert.deepEqual(before, { approvals: [], grants: [] });
    const done = await two.core.approvals.store.revoke({
      since,
      until: Number.MAX_SAFE_INTEGER,
      identityId: CI,
      by: 'soc',
      reason: 'asked for by an intruder',
    });
    assert.deepEqual(done.approvals, [approvalId]);
    await until('the session is ended', () => how.orders.length > 0);
    assert.equal(how.orders[0]!.error.code, 'APPROVAL_REVOKED');
    assert.equal(other.how.orders.length, 0, 'what did not stand on it goes on');
  });

  it('do not go through once who agreed is gone', async () => {
    const [one] = await pair({}, { holdMs: 50 });
    await held(open(one).session.request(drop()));
    const { approvalId } = await pending(one);
    await decide(one, approvalId, person('ann'));
    await account(one, 'idp/ann', { groups: ['left'] });
    await until('it is granted there', () => one.core.approvals.view.get(approvalId)?.state === 'granted');
    const final = await held(open(one).session.request(drop()));
    assert.equal(final.rule, 'APPROVAL_ENDED');
  });

  it('are bounded for each identity', async () => {
    const [one] = await pair({}, { pendingPerIdentityMax: 1 });
    const { session } = open(one);
    void session.request(drop());
    await pending(one);
    const second = await held(session.request(drop({ text: 'drop table b' })));
    assert.equal(second.rule, 'APPROVAL_TOO_MANY');
  });

  it('deny clearly where the store is away', async () => {
    const [one] = await pair();
    const { session } = open(one, { kind: 'human' });
    one.cut.store = true;
    const final = await held(session.request(drop()));
    assert.equal(final.outcome, 'deny');
    assert.ok(['APPROVAL_STORE_AWAY', 'LEASE_LOST'].includes(final.rule), final.rule);
    one.cut.store = false;
  });

  describe('for a time', () => {
    const request = (member: Member, durationMs: number) =>
      member.core.approvals.requestGrant({
        identity: identity(),
        ip: '192.0.2.7',
        template: 'restore-db',
        connection: 'main',
        durationMs,
        reason: 'restore of last night',
        ticket: 'OPS-7',
      });

    it('allow what they name on every gateway until they are ended', async () => {
      const [one, two] = await pair({}, { grantTemplates: [template()] });
      const asked = await request(one, 600_000);
      assert.ok(asked.ok);
      assert.equal(open(two).session.request(drop()).first, 'hold_approval');
      const decided = await decide(two, asked.value.approvalId, person('ann'));
      assert.ok(decided.ok && decided.value.state === 'used');
      await until('the grant is in force', () => two.core.approvals.view.grantsOf(CI, 'main').length === 1);
      const [grant] = two.core.approvals.view.grantsOf(CI, 'main');
      assert.equal(grant!.ticket, 'OPS-7');
      const { session, how } = open(two);
      const gate = session.request(drop());
      assert.ok(!(gate.decision instanceof Promise) && gate.decision.outcome === 'allow');
      await one.core.approvals.store.endGrant(grant!.grantId, 'idp/ann');
      await until('the session is ended', () => how.orders.length > 0);
      assert.equal(how.orders[0]!.error.code, 'GRANT_ENDED');
      assert.equal(open(two).session.request(drop()).first, 'hold_approval');
    });

    it('let go on what was held when they came, and nobody has to decide it any more', async () => {
      const [one, two] = await pair({}, { grantTemplates: [template()] });
      const { session, how } = open(one);
      const decision = held(session.request(drop()));
      const { approvalId } = await pending(two);
      const asked = await request(two, 600_000);
      assert.ok(asked.ok);
      await decide(two, asked.value.approvalId, person('ann'));
      const final = await decision;
      assert.equal(final.outcome, 'allow');
      assert.equal(final.reason, 'granted');
      await until(
        'it is withdrawn',
        async () => (await two.core.approvals.store.get(approvalId))?.state === 'withdrawn',
      );
      // What goes on under a grant ends with it.
      const [grant] = one.core.approvals.view.grantsOf(CI, 'main');
      await two.core.approvals.store.endGrant(grant!.grantId, 'idp/ann');
      await until('the session is ended', () => how.orders.length > 0);
      assert.equal(how.orders[0]!.error.code, 'GRANT_ENDED');
    });

    it('let go on all that wait for one approval, at all gateways', async () => {
      const [one, two] = await pair({}, { grantTemplates: [template()] });
      const decisions = [one, two].map((member) => held(open(member).session.request(drop())));
      await until(
        'the approvals are stored',
        async () => (await one.core.approvals.store.list({ limit: 9 })).length === 1,
      );
      const asked = await request(two, 600_000);
      assert.ok(asked.ok);
      await decide(one, asked.value.approvalId, person('ann'));
      for (const decision of decisions) assert.equal((await decision).outcome, 'allow');
    });

    it('leave waiting what they do not cover', async () => {
      const [one] = await pair({}, { grantTemplates: [template({ actions: ['read'] })] });
      const decision = held(open(one).session.request(drop()));
      const { approvalId } = await pending(one);
      const asked = await request(one, 600_000);
      assert.ok(asked.ok);
      await decide(one, asked.value.approvalId, person('ann'));
      await until('the grant is in force', () => one.core.approvals.view.grantsOf(CI, 'main').length === 1);
      assert.equal((await one.core.approvals.store.get(approvalId))?.state, 'pending');
      await decide(one, approvalId, person('ann'));
      assert.match((await decision).reason, /approval .* of idp\/ann/);
    });

    it('end by themselves, sessions included', async () => {
      const [one] = await pair({}, { grantTemplates: [template()] });
      const asked = await request(one, 6000);
      assert.ok(asked.ok);
      await decide(one, asked.value.approvalId, person('ann'));
      await until('the grant is in force', () => one.core.approvals.view.grantsOf(CI, 'main').length === 1);
      const { session, how } = open(one);
      assert.equal(session.request(drop()).first, 'allow');
      await until('the session is ended', () => how.orders.length > 0);
      assert.equal(how.orders[0]!.error.code, 'GRANT_ENDED');
    });

    it('are refused beyond what the template allows', async () => {
      const [one] = await pair({}, { grantTemplates: [template({ durationMsMax: 60_000 })] });
      const long = await request(one, 60_001);
      assert.equal(long.ok ? '' : long.error.code, 'GRANT_TOO_LONG');
      const none = await one.core.approvals.requestGrant({
        identity: identity(),
        ip: null,
        template: 'nothing',
        connection: 'main',
        durationMs: 1,
        reason: 'x',
        ticket: null,
      });
      assert.equal(none.ok ? '' : none.error.code, 'GRANT_TEMPLATE_ABSENT');
    });
  });
});
