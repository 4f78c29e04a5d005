/** One run under one seed: an installation, its clients, its troubles, and what must hold. */
import { createTokenStore } from '../../gateway/access/token-store.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { IdentityKind } from '../../schemas/types.ts';
import { createClient, type Account, type Book } from './client.ts';
import { gatewayConfig } from './gateway-process.ts';
import { createInstallation, type Installation } from './installation.ts';
import { checkInvariants } from './invariants.ts';
import { soundParts, type Parts } from './parts.ts';
import { drawPlan, type Plan } from './plan.ts';
import { readRecords } from './records.ts';
import { compareDetections, referenceDetections } from './reference.ts';
import { createTarget } from './target.ts';
import { endTrouble, makeTrouble } from './trouble.ts';
import { turns } from './turns.ts';
import { createWorld, type Violation, type World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  /** The last of what happened. */
  readonly lines: readonly string[];
  readonly digest: string;
  readonly counts: Readonly<Record<string, number>>;
}

export interface SimulateOptions {
  readonly parts?: Parts;
  readonly verbose?: (line: string) => void;
}

const QUIET_MS_MAX = 30_000;
const STEPS_MAX = 200_000;

async function issueAccounts(world: World, store: ControlStore, count: number): Promise<Account[]> {
  const tokens = createTokenStore(
    { store, clock: world.clock, random: world.random() },
    gatewayConfig('issuer', 'process'),
  );
  const kinds: IdentityKind[] = ['service_account', 'human', 'ai_agent', 'workload', 'service_account'];
  const accounts: Account[] = [];
  for (let index = 0; index < count; index += 1) {
    const subject = `account-${index}`;
    const id = `countersign/${subject}`;
    await tokens.putIdentity({
      id,
      kind: kinds[index % kinds.length]!,
      displayName: subject,
      groups: [],
      onBehalfOf: [],
      breakGlass: false,
      attributes: {},
    });
    const issued = await tokens.issue({
      identityId: id,
      connections: ['main'],
      ttlMs: 86_400_000,
      credentialSource: `ci/${index % 2}`,
      attributes: {},
      by: 'simulator',
    });
    if (!issued.ok) throw issued.error;
    accounts.push({ subject, token: issued.value.token });
  }
  return accounts;
}

/** Advances to the next timer and lets everything run, until `done`. */
async function runUntil(world: World, book: Book, done: () => boolean): Promise<void> {
  const { clock } = world;
  for (let steps = 0; !done(); steps += 1) {
    if (steps > STEPS_MAX) throw new Error('the simulation does not come to its end');
    const next = clock.nextTimerMs();
    if (next === undefined) throw new Error('nothing will ever happen again');
    clock.advance(Math.max(0, next - clock.elapsedMs()));
    await turns(1);
    for (const entry of book.waiting)
      if (entry.gateway.life.alive() && clock.monotonicUs() > entry.untilUs) {
        book.waiting.delete(entry);
        world.broken('held requests are answered in time', `${entry.requestId} still waits`);
      }
  }
}

/** Goes on until this work has ended. */
async function runFor<T>(world: World, book: Book, work: Promise<T>): Promise<T> {
  let ended = false;
  const settled = work.finally(() => (ended = true));
  settled.catch(() => undefined);
  await runUntil(world, book, () => ended);
  return settled;
}

/** Waits until nothing changes any more: everything runs, spools are empty, the log does not grow. */
async function settle(world: World, book: Book, installation: Installation): Promise<void> {
  const { clock } = world;
  const startMs = clock.elapsedMs();
  await runUntil(world, book, () => installation.ready() || clock.elapsedMs() > startMs + QUIET_MS_MAX);
  if (!installation.ready())
    world.broken('everything comes back', 'after the troubles something does not start');
  const waitMs = clock.elapsedMs() + 6000;
  await runUntil(world, book, () => clock.elapsedMs() > waitMs);
  const idle = (): boolean => installation.gateways().every((gateway) => gateway.health().ready);
  await runUntil(world, book, () => idle() || clock.elapsedMs() > waitMs + QUIET_MS_MAX);
  if (!idle()) world.broken('everything comes back', 'a spool is not drained');
}

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const world = createWorld(seed, options.verbose === undefined ? {} : { verbose: options.verbose });
  const plan = drawPlan(world.chance, seed);
  world.trace(`seed ${seed}: ${JSON.stringify(plan)}`);
  const target = createTarget(world);
  const book: Book = {
    opened: new Map(),
    denied: [],
    waiting: new Set(),
    counts: { sessions: 0, requests: 0, refused: 0, held: 0 },
  };
  const rejected = (error: unknown): void =>
    world.broken('no error is lost', (error as Error)?.stack ?? String(error));
  process.on('unhandledRejection', rejected);
  try {
    const installation = createInstallation(world, plan, target, options.parts ?? soundParts);
    const accounts = await issueAccounts(world, installation.store, plan.clients);
    installation.start();
    let over = false;
    let running = accounts.length;
    makeTrouble(world, plan, installation, seed);
    accounts.forEach((account, index) => {
      const stealsFromMs = index === 0 ? world.chance.between(500, plan.activeMs) : Number.POSITIVE_INFINITY;
      const client = createClient(
        { world, target, book, gateways: () => installation.gateways() },
        account,
        stealsFromMs,
      );
      client
        .run(() => over)
        .catch(rejected)
        .finally(() => (running -= 1));
    });
    await runUntil(world, book, () => world.clock.elapsedMs() >= plan.activeMs);
    over = true;
    world.trace('all trouble ends');
    endTrouble(world, installation);
    await runUntil(world, book, () => running === 0);
    await settle(world, book, installation);
    await runFor(world, book, Promise.all(installation.gateways().map((gateway) => gateway.stop(20_000))));
    const stoppedAt = Math.floor(world.clock.now());
    const endMs = world.clock.elapsedMs() + 3000;
    await runUntil(world, book, () => world.clock.elapsedMs() > endMs);
    const records = await runFor(world, book, readRecords(installation.log()));
    await checkInvariants({ world, plan, installation, target, book, records, stoppedAt });
    compareDetections(world, records.detections, await referenceDetections(world, records.sessionRecords));
    const counts = {
      ...book.counts,
      received: target.received.length,
      events: records.events.length,
      doubled: records.sessionRecords.length - records.events.length,
      detections: records.detections.length,
      inForce: target.inForce.length,
    };
    world.trace(JSON.stringify(counts));
    // What still runs may be in the middle of a transaction.
    await runFor(world, book, installation.store.close());
    return { seed, plan, violations: world.violations, lines: world.lines, digest: world.digest(), counts };
  } finally {
    process.off('unhandledRejection', rejected);
  }
}
