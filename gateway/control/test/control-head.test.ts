import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { startStoreServer, type StoreServer } from '../../../platform/control-store/postgres/test/support.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { gatewayConfig } from '../../sessions/test/harness.ts';
import { headOf, nextRevision } from '../control-head.ts';
import { createControlView } from '../control-view.ts';
import { createControlWriter, type LockoutCall } from '../control-writer.ts';
import { publishControl } from '../publish.ts';
import { republishIfBehind } from '../republish.ts';

const clock = createSystemClock();
const random = createSystemRandom();
const codec = createCodec('control-record');

const lock = (subject: string, extra: Partial<LockoutCall> = {}): LockoutCall => ({
  by: 'responder',
  reason: 'stolen',
  incidentId: null,
  idempotencyKey: subject,
  subjectKind: 'identity',
  subject,
  ttlMs: null,
  exerciseId: null,
  automation: { budget: { name: 'p', identitiesMax: 100, windowMs: 60_000 } },
  ...extra,
});

describe('numbers of control records', () => {
  let server: StoreServer;
  before(async () => {
    server = await startStoreServer();
  });
  after(() => server.stop());

  /** A writer between whose decision and commit something else is committed. */
  const writerWith = (store: ControlStore, between: () => Promise<unknown>) => {
    let runs = 0;
    const meeting: ControlStore = {
      ...store,
      transact: (work, options) =>
        store.transact(async (transaction) => {
          const result = await work(transaction);
          runs += 1;
          if (runs === 1) await between();
          return result;
        }, options),
    };
    return {
      writer: createControlWriter({ store: meeting, clock, random, codec }, gatewayConfig()),
      runs: () => runs,
    };
  };

  it('leases, sessions and turns that are written while a lockout is decided do not make it run again', async () => {
    const store = await server.open();
    const { writer, runs } = writerWith(store, () =>
      store.transact(async (transaction) => {
        await transaction.put('leases', 'other', { appliedRevision: 0 });
        await transaction.put('live-sessions', 's', {});
        await transaction.put('turns', 'outbox', { holder: 'x' });
      }),
    );
    const made = await writer.lockout(lock('a'));
    assert.ok(made.ok);
    assert.equal(runs(), 1);
    assert.equal(made.value.revision, 1);
    await store.close();
  });

  it('nor do two records of one transaction', async () => {
    const store = await server.open();
    let runs = 0;
    const numbers = await store.transact(async (transaction) => {
      runs += 1;
      const body = {
        kind: 'incident_closure',
        closedAs: 'benign',
        closedBy: 'a',
        closedAt: 1,
        note: '',
      } as const;
      const first = await publishControl({ clock, codec }, transaction, { ...body, incidentId: 'i1' });
      const second = await publishControl({ clock, codec }, transaction, { ...body, incidentId: 'i2' });
      if (runs === 1) await store.transact((other) => other.put('leases', 'other', {}));
      return [first, second];
    });
    assert.equal(runs, 1);
    assert.deepEqual(numbers, [1, 2]);
    assert.deepEqual(await headOf(store), { revision: 2, issued: 2 });
    await store.close();
  });

  it('of two lockouts at once the second is decided again: each has its own number, in the order of the outbox', async () => {
    const store = await server.open();
    const alone = createControlWriter({ store, clock, random, codec }, gatewayConfig());
    const { writer, runs } = writerWith(store, () => alone.lockout(lock('b')));
    const made = await writer.lockout(lock('c'));
    assert.ok(made.ok);
    assert.equal(runs(), 2);
    const published = (await store.outbox(10)).map(({ value }) => codec.decode(value!));
    assert.deepEqual(
      published.map((read) => read.ok && read.value.revision),
      [1, 2],
    );
    assert.equal(made.value.revision, 2);
    await store.close();
  });

  it('what is released or revoked again is in force with what is known', async () => {
    const store = await server.open();
    const writer = createControlWriter({ store, clock, random, codec }, gatewayConfig());
    const made = await writer.lockout(lock('d'));
    assert.ok(made.ok);
    const call = { by: 'ann', reason: 'ok', incidentId: null, idempotencyKey: null };
    const { lockoutId } = made.value.lockout;
    const released = await writer.release(lockoutId, call);
    const again = await writer.release(lockoutId, call);
    assert.ok(released.ok && again.ok);
    assert.equal(released.value.revision, 2);
    assert.equal(again.value.revision, 2);
    await store.close();
  });

  it('a number is not given twice where the topic has lost its records and nothing of them matters', async () => {
    const store = await server.open();
    const writer = createControlWriter({ store, clock, random, codec }, gatewayConfig());
    const session = { subjectKind: 'session', exerciseId: null, automation: null } as const;
    const made = await writer.lockout(lock('e', session));
    assert.ok(made.ok);
    await store.transact((transaction) => transaction.delete('lockouts', made.value.lockout.lockoutId));
    await store.acknowledgeOutbox((await store.outbox(1))[0]!.sequence);
    const view = createControlView({ clock });
    assert.equal(await republishIfBehind({ store, codec, clock }, view), 0);
    assert.deepEqual(await headOf(store), { revision: 0, issued: 1 });
    assert.equal(await store.transact(nextRevision), 2);
    await store.close();
  });
});
