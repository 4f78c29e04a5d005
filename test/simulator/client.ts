/** A client: opens sessions through a gateway and sends requests, as a protocol does for it. */
import type { GateDecision, Session } from '../../gateway/sessions/session.ts';
import type { Identity } from '../../schemas/types.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { ATTACK, WORK } from './statements.ts';
import type { Target } from './target.ts';
import type { World } from './world.ts';

/** What a client was told. */
export interface Book {
  /** Sessions that were opened, with their gateway. */
  readonly opened: Map<string, string>;
  /** Requests that were denied with an answer to the client. */
  readonly denied: { readonly requestId: string; readonly rule: string }[];
  /** Decisions that are waited for. */
  readonly waiting: Set<{
    readonly gateway: GatewayProcess;
    readonly untilUs: number;
    readonly requestId: string;
  }>;
  counts: { sessions: number; requests: number; refused: number; held: number };
}

export interface ClientDeps {
  readonly world: World;
  readonly target: Target;
  readonly book: Book;
  gateways(): readonly GatewayProcess[];
}

export interface Account {
  readonly subject: string;
  readonly token: string;
}

/** A flush, a hold and the writing around them may take so much longer than the hold's bound. */
const SLACK_MS = 60;

interface Open {
  readonly gateway: GatewayProcess;
  readonly session: Session;
  readonly identity: Identity;
  ended: boolean;
  /** Requests that the target works on. */
  running: number;
}

export function createClient(deps: ClientDeps, account: Account, stealsFromMs: number) {
  const { world, target, book } = deps;
  const { clock, chance } = world;
  let number = 0;

  const pause = (msMax: number): Promise<void> => clock.sleep(chance.between(0, msMax));
  const stolen = (): boolean => clock.elapsedMs() >= stealsFromMs;

  const open = async (): Promise<Open | undefined> => {
    const gateways = deps.gateways();
    if (gateways.length === 0) return undefined;
    const gateway = chance.pick(gateways);
    const { life } = gateway;
    const verified = await Promise.race([
      gateway.access.verifyToken(account.token).catch(() => undefined),
      new Promise<undefined>((resolve) => life.onEnd(() => resolve(undefined))),
    ]);
    if (verified === undefined || !verified.ok || !life.alive()) return undefined;
    const admitted = gateway.access.admit(verified.value, 'main');
    if (!admitted.ok) return undefined;
    number += 1;
    const targetSession = `${account.subject}-${number}@${Math.round(clock.elapsedMs())}`;
    const attacker = stolen();
    const slow = chance.happens(0.2);
    let opened: Open | undefined;
    const result = gateway.sessions.open({
      identity: admitted.value,
      client: {
        ip: attacker ? '203.0.113.9' : '192.0.2.7',
        port: 40_000 + number,
        tool: attacker ? 'stolen' : 'psql',
        version: null,
      },
      target: {
        connection: 'main',
        protocol: 'postgres',
        host: 'db',
        port: 5432,
        database: 'app',
        role: 'app',
      },
      authentication: 'scram',
      tls: true,
      targetSession,
      end(order) {
        if (opened === undefined) return;
        opened.ended = true;
        target.live.delete(targetSession);
        world.trace(`${account.subject} is ended: ${order.reason}`);
        // Some protocols close at once, some late, some only by the gateway's patience.
        if (!slow) opened.session.close('client_closed');
      },
    });
    if (!life.alive() || !result.ok) return undefined;
    opened = { gateway, session: result.session, identity: admitted.value, ended: false, running: 0 };
    target.live.add(targetSession);
    life.onEnd(() => {
      if (opened === undefined) return;
      opened.ended = true;
      // The target sees that its connection is gone, unless it is at work: then somebody must end it.
      if (opened.running === 0) target.live.delete(targetSession);
    });
    book.opened.set(result.session.id, gateway.id);
    book.counts.sessions += 1;
    world.trace(`${account.subject} opens ${result.session.id.slice(-6)} at ${gateway.id}`);
    closings.set(result.session, () => target.live.delete(targetSession));
    return opened;
  };
  const closings = new WeakMap<Session, () => void>();

  const decided = async (
    open: Open,
    requestId: string,
    decision: Promise<GateDecision>,
  ): Promise<GateDecision | undefined> => {
    const { gateway } = open;
    book.counts.held += 1;
    const untilUs = clock.monotonicUs() + (gateway.holds.boundMs() + SLACK_MS) * 1000;
    const entry = { gateway, untilUs, requestId };
    book.waiting.add(entry);
    const result = await Promise.race([
      decision,
      new Promise<undefined>((resolve) => gateway.life.onEnd(() => resolve(undefined))),
    ]);
    book.waiting.delete(entry);
    return result;
  };
  const answer = async (open: Open, requestId: string): Promise<void> => {
    const { session, gateway } = open;
    open.running += 1;
    await pause(30);
    open.running -= 1;
    if (gateway.life.alive())
      session.response(requestId, { status: 'ok', rows: chance.whole(0, 50), bytes: 100, durationUs: 1000 });
  };
  const request = async (open: Open): Promise<void> => {
    const { session, gateway } = open;
    const input = chance.pick(stolen() ? [...ATTACK, ...WORK] : WORK);
    book.counts.requests += 1;
    const gate = session.request(input);
    if (!gateway.life.alive()) return;
    const decision =
      gate.decision instanceof Promise ? await decided(open, gate.requestId, gate.decision) : gate.decision;
    if (decision === undefined || !gateway.life.alive() || open.ended) return;
    if (decision.outcome === 'deny') {
      book.counts.refused += 1;
      book.denied.push({ requestId: gate.requestId, rule: decision.rule });
      world.trace(`${account.subject} is denied ${gate.requestId.slice(-6)}: ${decision.rule}`);
      return;
    }
    target.receive(gateway, session, open.identity, gate.requestId);
    session.recording.write('in', gate.requestId, Buffer.from(input.text));
    const answered = answer(open, gate.requestId);
    if (chance.happens(0.7)) await answered;
  };
  const session = async (until: () => boolean): Promise<void> => {
    const opened = await open();
    if (opened === undefined) {
      await pause(200);
      return;
    }
    for (let left = chance.whole(1, 9); left > 0 && !opened.ended && !until(); left -= 1) {
      await request(opened);
      await pause(60);
    }
    if (opened.ended) return;
    closings.get(opened.session)!();
    opened.ended = true;
    // Now and then a client just goes away, and the gateway's shutdown must close it.
    if (!chance.happens(0.05)) opened.session.close('client_closed');
  };
  return {
    /** Works until told to stop. */
    async run(until: () => boolean): Promise<void> {
      while (!until()) {
        await pause(120);
        await session(until);
      }
    },
  };
}
