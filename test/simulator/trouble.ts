/** Draws the faults of a run: when what dies, fills up, stands still or gets lost. */
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createChance } from './chance.ts';
import { heal, noFaults } from './faults.ts';
import type { CrashKind, Installation } from './installation.ts';
import type { Plan } from './plan.ts';
import type { World } from './world.ts';

/** Schedules everything; nothing of it lasts past `plan.activeMs`. */
export function makeTrouble(world: World, plan: Plan, installation: Installation, seed: number): void {
  const { clock, chance, faults } = world;
  const at = (work: () => void): void => void clock.after(chance.between(100, plan.activeMs), work);
  const some = (max: number, work: () => void): void => {
    for (let count = chance.whole(0, max); count > 0; count -= 1) at(work);
  };
  const kind = (): CrashKind => (plan.durability === 'power' && chance.happens(0.6) ? 'power' : 'kill');
  const gateway = (): number => chance.whole(0, plan.gateways - 1);
  /** Turns a knob for a while. */
  const during = (msMax: number, on: () => void, off: () => void): void => {
    on();
    clock.after(chance.between(50, msMax), off);
  };

  if (plan.crashes) {
    some(3, () => installation.crashGateway(gateway(), kind()));
    some(3, () => installation.crashGatewayAt(gateway(), chance.whole(1, 12), kind()));
    some(2, () => {
      world.trace('detectors die');
      installation.crashDetectors();
    });
    some(2, () => {
      world.trace('responders die');
      installation.crashResponders();
    });
    some(1, () => installation.crashOutbox());
    if (chance.happens(0.35)) at(() => installation.crashMachine(kind()));
  }
  if (!plan.troubles) return;
  const none = noFaults();
  some(1, () =>
    during(
      1500,
      () => (faults.delayMsMax = chance.between(5, 60)),
      () => (faults.delayMsMax = none.delayMsMax),
    ),
  );
  some(1, () =>
    during(
      1500,
      () => (faults.appendFails = 0.2),
      () => (faults.appendFails = 0),
    ),
  );
  some(1, () =>
    during(
      1500,
      () => (faults.appendReplyLost = 0.2),
      () => (faults.appendReplyLost = 0),
    ),
  );
  some(1, () =>
    during(
      2800,
      () => (faults.storeAway = true),
      () => (faults.storeAway = false),
    ),
  );
  some(1, () =>
    during(
      1500,
      () => (faults.storeReplyLost = 0.2),
      () => (faults.storeReplyLost = 0),
    ),
  );
  some(1, () => (faults.callLost = 0.3));
  some(1, () => (faults.callReplyLost = 0.3));
  some(1, () => (faults.callDoubled = 0.5));
  some(1, () => {
    world.trace('control records stand still');
    faults.controlStalledUntilMs = clock.elapsedMs() + chance.between(100, 3500);
  });
  some(1, () => {
    const backMs = chance.pick([700, 5000, 3_600_000]);
    world.trace(`the clock steps back by ${backMs} ms`);
    clock.setWall(clock.now() - backMs);
  });
  for (const disk of [...installation.disks, installation.logDisk])
    if (chance.happens(0.2))
      at(() => {
        world.trace('a disk is full');
        during(
          1200,
          () => disk.setCapacity(disk.usedBytes() + chance.whole(0, 3000)),
          () => disk.setCapacity(Number.MAX_SAFE_INTEGER),
        );
      });
  if (plan.durability === 'power' && chance.happens(0.2))
    at(() => {
      world.trace('a flush fails');
      installation.disks[gateway()]!.failFlushes(1);
    });
  makeMoreTrouble(world, plan, seed);
}

/** What was thought of later draws from a source of its own, so that older seeds stay what they were. */
function makeMoreTrouble({ clock, trace, faults }: World, plan: Plan, seed: number): void {
  const chance = createChance(createSeededRandom(seed + 1_000_000));
  const at = (work: () => void): void => void clock.after(chance.between(100, plan.activeMs), work);
  if (chance.happens(0.2))
    at(() => {
      const aheadMs = chance.pick([700, 4000, 9000]);
      trace(`the clock steps ahead by ${aheadMs} ms`);
      clock.setWall(clock.now() + aheadMs);
    });
  if (plan.gateways > 1 && chance.happens(0.5))
    at(() => {
      faults.controlStalledFor = `gateway-${chance.whole(1, plan.gateways)}`;
      faults.controlStalledUntilMs = clock.elapsedMs() + chance.between(500, 3500);
      trace(`control records stand still for ${faults.controlStalledFor}`);
    });
}

/** Ends all trouble. */
export function endTrouble(world: World, installation: Installation): void {
  heal(world.faults);
  for (const disk of [...installation.disks, installation.logDisk]) {
    disk.setCapacity(Number.MAX_SAFE_INTEGER);
    disk.failFlushes(0);
  }
}
