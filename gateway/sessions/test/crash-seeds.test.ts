/** Random work and random crashes: nothing acknowledged is lost, every session ends once, and the trail verifies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { createAuditVerifier } from '../../recording/verify.ts';
import type { Session } from '../session.ts';
import { codec, command, createHarness, opening, type Harness } from './harness.ts';

const SEEDS = 60;
const STEPS = 120;

async function run(
  seed: number,
  durability: 'process' | 'power',
): Promise<{ acknowledged: number; crashes: number }> {
  const random = createSeededRandom(seed);
  const chance = (share: number): boolean => random.float() < share;
  const config = { durability, spoolSegmentBytes: 8192 };
  const log = new Map<string, { event: SessionEvent; framed: Buffer }>();
  const acknowledged = new Set<string>();
  let harness: Harness = createHarness(config);
  let live: Session[] = [];
  let crashes = 0;

  const drain = async (): Promise<void> => {
    await harness.spool.sync();
    for (const framed of (harness.drain(), harness.framed.splice(0))) {
      const read = codec.decode(framed);
      assert.ok(read.ok);
      log.set(read.value.eventId, { event: read.value, framed });
    }
  };
  const restart = async (): Promise<void> => {
    harness.disk.crash(durability === 'power' && chance(0.5) ? 'power' : 'kill');
    crashes += 1;
    live = [];
    // A clock of its own: the timers of the dead process must not run on.
    const clock = createManualClock(harness.clock.now());
    harness = createHarness(config, { disk: harness.disk, clock, signer: harness.signer });
    await harness.sessions.start();
  };
  await harness.sessions.start();
  for (let step = 0; step < STEPS; step += 1) {
    const session = live[Math.floor(random.float() * live.length)];
    if (session === undefined || chance(0.1)) {
      const result = harness.sessions.open(opening());
      assert.ok(result.ok);
      live.push(result.session);
    } else if (chance(0.7)) {
      const gate = session.request(command({ text: 'x'.repeat(Math.floor(random.float() * 600)) }));
      if ((await gate.decision).outcome === 'allow') acknowledged.add(gate.requestId);
      if (chance(0.8)) session.response(gate.requestId, { status: 'ok', rows: 1, bytes: 1, durationUs: 1 });
    } else if (chance(0.3)) {
      session.close('client_closed');
      live = live.filter((other) => other !== session);
    } else if (chance(0.5)) await drain();
    else harness.clock.advance(Math.floor(random.float() * 4000));
    if (chance(0.04)) await restart();
  }
  await restart();
  harness.clock.advance(5000);
  await drain();

  const all = [...log.values()].sort(
    (a, b) =>
      a.event.gateway.epoch - b.event.gateway.epoch || a.event.gateway.sequence - b.event.gateway.sequence,
  );
  const requests = new Set(all.map(({ event }) => (event.body.kind === 'request' ? event.requestId : null)));
  for (const requestId of acknowledged)
    assert.ok(requests.has(requestId), `seed ${seed}: an acknowledged request is missing`);
  const count = (kind: string): string[] =>
    all.flatMap(({ event }) => (event.body.kind === kind ? [event.session!.id] : [])).sort();
  assert.deepEqual(count('session_closed'), count('session_opened'), `seed ${seed}: every session ends once`);
  const { signer } = harness;
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [signer.keyId]: signer.publicKeyPem },
    checkpointMs: 5000,
  });
  for (const { framed } of all) verifier.take(framed);
  assert.deepEqual(verifier.finish().problems, [], `seed ${seed}`);
  return { acknowledged: acknowledged.size, crashes };
}

for (const durability of ['process', 'power'] as const) {
  test(`${SEEDS} seeds of crashes with durability ${durability}`, async () => {
    let acknowledged = 0;
    let crashes = 0;
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const result = await run(seed, durability);
      acknowledged += result.acknowledged;
      crashes += result.crashes;
    }
    assert.ok(acknowledged > SEEDS * 20 && crashes > SEEDS * 2);
  });
}
