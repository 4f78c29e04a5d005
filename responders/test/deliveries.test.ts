/** Detections twice, late, out of order, and with the times of gateways whose clocks differ: each takes effect once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TOPICS } from '../../schemas/topics.ts';
import type { Detection } from '../../schemas/types.ts';
import { codecs, openWorld, type World } from './support.ts';

const attack = { identityKind: 'service_account', identityRisk: 90, risk: 70, severity: 'high' } as const;
const SKEW_MS = 5000;

const deliver = async (world: World, detection: Detection): Promise<void> => {
  const key = detection.credentialSource ?? detection.identityId;
  await world.append(TOPICS.detections.name, { key, value: codecs.detection.encode(detection) });
};
/** Everything before it has been handled once this one has its verdict. */
async function settle(world: World): Promise<void> {
  const last = await world.detect({
    risk: 1,
    severity: 'low',
    identityId: 'countersign/last',
    credentialSource: 'ci/last',
  });
  await world.until(() => world.verdicts.some(({ detectionId }) => detectionId === last.detectionId));
}

describe('responders: deliveries', { timeout: 60_000 }, () => {
  it('a detection that comes three times, also after a restart, acts once and counts once', async (t) => {
    const world = await openWorld(t);
    const first = world.role();
    await first.start();
    const detection = await world.detect(attack);
    await deliver(world, detection);
    await world.until(() => world.responses.filter(({ state }) => state === 'done').length === 4);
    await world.until(() => world.incidents.at(-1)?.lockouts.length === 2);
    await settle(world);
    await first.stop(1000);
    await world.role().start();
    await deliver(world, detection);
    await settle(world);
    assert.equal(world.calls.length, 3);
    assert.equal(new Set(world.calls.map(({ key }) => key)).size, 3);
    assert.equal(world.responses.filter(({ state }) => state === 'done').length, 4);
    assert.equal(new Set(world.incidents.map(({ incidentId }) => incidentId)).size, 1);
    assert.equal(world.incidents.at(-1)!.detectionCount, 1);
    for (const { detectionId, outcome } of world.verdicts)
      if (detectionId === detection.detectionId) assert.equal(outcome, 'contained');
  });

  it('detections of one incident in the wrong order come to one incident and one set of effects', async (t) => {
    const world = await openWorld(t);
    await world.role().start();
    const now = Date.now();
    const later = await world.detect({ ...attack, eventTime: now });
    const earlier = await world.detect({ ...attack, eventTime: now - 60_000, detectedAt: now - 60_000 });
    await deliver(world, later);
    await deliver(world, earlier);
    await settle(world);
    await world.until(() =>
      world.incidents.some(({ detectionCount, lockouts }) => detectionCount === 2 && lockouts.length === 2),
    );
    await settle(world);
    assert.equal(new Set(world.incidents.map(({ incidentId }) => incidentId)).size, 1);
    assert.equal(world.calls.filter(({ path }) => path === '/v1/lockouts').length, 2);
    assert.deepEqual(
      world.incidents.at(-1)!.detections.toSorted(),
      [later.detectionId, earlier.detectionId].toSorted(),
    );
  });

  for (const skewMs of [SKEW_MS, -SKEW_MS])
    it(`acts on what a gateway saw whose clock is ${skewMs} ms off`, async (t) => {
      const world = await openWorld(t);
      await world.role().start();
      const detection = await world.detect({ ...attack, eventTime: Date.now() + skewMs });
      await world.until(() => world.verdicts.length === 1);
      assert.deepEqual(
        world.verdicts.map(({ detectionId, outcome }) => [detectionId, outcome]),
        [[detection.detectionId, 'contained']],
      );
      assert.ok(world.calls.some(({ path }) => path === '/v1/lockouts'));
    });
});
