/** One session: joins the client's socket and the target's, holds back whichever outruns the other, and ends exactly once. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import { atTurnEnd } from '../../../../platform/clock/turn-end.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { CloseReason } from '../../../../schemas/types.ts';
import type { EndOrder, Session } from '../../../sessions/session.ts';
import type { Analyser } from '../analysis/analyser.ts';
import type { SessionCatalogue } from '../analysis/effects.ts';
import { postgresError, sqlStateOf } from '../errors.ts';
import { fatalResponse } from '../wire/fatal.ts';
import type { Connector } from '../target/connector.ts';
import { ignore, type TargetLink } from '../target/login.ts';
import { errorResponse, TERMINATE } from '../wire/messages.ts';
import { Outlet } from '../wire/outlet.ts';
import type { RelayContext } from './context.ts';
import { Downstream } from './downstream.ts';
import { Expectations } from './expectations.ts';
import { createRequests, type Requests } from './requests.ts';
import { createRounds } from './rounds.ts';
import { SettingsTracker } from './settings.ts';
import { Stated } from './stated.ts';
import { Upstream } from './upstream.ts';

/** Bytes waiting for a socket above which the other side is not read. */
const BACKLOG_BYTES_MAX = 256 * 1024;
/** Bytes of a client kept while a command of it is held; what is behind them stays with the operating system. */
const WAITING_BYTES_MAX = 64 * 1024;
/** A client that does not take its last message is not waited for longer. */
const FAREWELL_MS = 2_000;
/** What may still be on its way to a client whose session is ended at once, and for how long. */
const LAST_WORDS_BYTES_MAX = 16 * 1024;
const LAST_WORDS_MS = 50;

/** All sessions of the process share its event loop, and so its rounds. */
const rounds = createRounds(atTurnEnd);

export interface RelayDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Something has come: more may come soon. */
  readonly awake: () => void;
  readonly analyser: Analyser;
  readonly connector: Connector;
  /** What names mean in the session's database; undefined where nobody says. */
  readonly catalogue: SessionCatalogue | undefined;
  readonly hmac: (secret: Uint8Array) => Buffer;
  /** What the client said at its login. */
  readonly startup: ReadonlyMap<string, string>;
  readonly onClosed: () => void;
}

export interface Relay {
  /** Starts to pass messages on. `early` is what the client sent behind its login. */
  start(session: Session, early: Buffer): void;
  /** The session may not open: says why and lets the target go. */
  refuse(error: CountersignError): void;
  /** Session.end: the client's socket is closed when this returns. */
  end(order: EndOrder): void;
  /** The client asks, over another connection, to cancel what runs. */
  cancel(): void;
  /** Ends with an error for the client. */
  shutDown(): void;
}

export function createRelay(deps: RelayDeps, client: Socket, link: TargetLink): Relay {
  const target = link.socket;
  let over = false;
  let session: Session | undefined;
  let requests: Requests | undefined;
  let recordingBusy = false;
  let upstream: Upstream | undefined;
  let downstream: Downstream | undefined;
  let expectations: Expectations | undefined;
  let shared: RelayContext | undefined;

  /** Ends the backend and what it runs: cancelled, cut off (a reset drops what it has not read), and told to end. */
  const endBackend = (): void => {
    const { connector, log } = deps;
    // The quicker way first: it may stand ready.
    const terminated = connector.terminate(link);
    const cancelled = connector.cancel(link);
    if (!target.destroyed) {
      if (link.tls) target.destroy();
      else target.resetAndDestroy();
    }
    Promise.all([cancelled, terminated]).catch((cause: unknown) =>
      log.warn({ pid: link.pid, cause }, 'backend could not be ended over a connection of its own'),
    );
  };

  const conclude = (reason: CloseReason, status: 'cut_off' | 'lost', detail?: string): void => {
    requests?.catchUp();
    requests?.settleBefore(Number.MAX_SAFE_INTEGER, status, 'the session ended');
    session?.close(reason, detail);
    deps.onClosed();
  };

  const finish = (reason: CloseReason, status: 'cut_off' | 'lost', detail?: string): boolean => {
    if (over) return false;
    // What was handled before is sent before.
    shared?.upstream.flush();
    shared?.downstream.flush();
    over = true;
    conclude(reason, status, detail);
    return true;
  };

  const farewell = (error: CountersignError, sqlState: string): void => {
    if (client.destroyed) return;
    client.resume();
    const partial = downstream?.reader.midMessage === true;
    if (partial || downstream?.fatalSeen === true) client.end();
    else client.end(fatalResponse(error, sqlState));
    deps.clock.after(FAREWELL_MS, () => client.destroy(), { background: true });
  };

  /** Says why, where that can go out at once, and closes the client's socket. */
  const lastWords = (fatal: Buffer): void => {
    const waiting = client.writableLength;
    const partial = downstream?.reader.midMessage === true;
    if (partial || client.destroyed || waiting > LAST_WORDS_BYTES_MAX) {
      client.destroy();
      return;
    }
    // TLS gives out what was written (a notice, just now) with the next turn only, and the reason stands behind it.
    if (waiting > 0 && client instanceof TLSSocket) {
      client.write(fatal);
      client.destroySoon();
      deps.clock.after(LAST_WORDS_MS, () => client.destroy(), { background: true });
      return;
    }
    if (waiting === 0) client.write(fatal);
    client.destroy();
  };

  const fail = (error: CountersignError, reason: CloseReason): void => {
    if (!finish(reason, reason === 'target_closed' ? 'lost' : 'cut_off', error.message)) return;
    farewell(error, sqlStateOf(error, '57P01'));
    if (reason === 'target_closed') target.destroy();
    else endBackend();
  };

  const targetLost = (): void => {
    if (upstream?.terminated !== true) {
      fail(
        postgresError('POSTGRES_TARGET_LOST', { connection: deps.connector.connection.name }),
        'target_closed',
      );
      return;
    }
    // The client said goodbye, and the target has heard it.
    if (!finish('client_closed', 'cut_off')) return;
    client.end();
    target.destroy();
    deps.clock.after(FAREWELL_MS, () => client.destroy(), { background: true });
  };

  const clientLost = (): void => {
    const goodbye = upstream?.terminated === true;
    const idle = (requests?.open ?? 0) === 0 && (goodbye || (expectations?.size ?? 0) === 0);
    if (!finish('client_closed', 'cut_off')) return;
    client.destroy();
    // What was sent and not answered must not run on for nobody.
    if (!idle) {
      endBackend();
      return;
    }
    if (goodbye) target.end();
    else target.end(TERMINATE);
    target.resume();
    deps.clock.after(FAREWELL_MS, () => target.destroy(), { background: true });
  };

  /** A bug ends its own session, closed, and no other. */
  const guarded = (work: () => void): void => {
    if (over) return;
    try {
      work();
    } catch (cause) {
      deps.log.error({ cause, pid: link.pid }, 'session ended by a bug');
      fail(postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason: 'the gateway could not go on' }), 'error');
    }
  };

  const flow = (): void => {
    if (over) return;
    // A client that waits is read on, up to a bound: else nobody would notice that it has hung up.
    const waiting = upstream?.held === true && upstream.reader.unreadBytes > WAITING_BYTES_MAX;
    setPaused(client, waiting || target.writableLength > BACKLOG_BYTES_MAX || recordingBusy);
    setPaused(target, client.writableLength > BACKLOG_BYTES_MAX || recordingBusy);
  };

  const enter = (): void => {
    requests?.catchUp();
    flow();
  };
  const entered = (): void => guarded(enter);

  const onRecordingBusy = (): void => {
    if (recordingBusy || session === undefined) return;
    recordingBusy = true;
    const resume = (): void => {
      recordingBusy = false;
      flow();
    };
    session.recording.drained().then(resume, resume);
  };

  client.on('error', ignore);
  target.on('error', ignore);
  // From now on, not only from start(): a session may be ended while it is being opened.
  // Behind what came before it.
  client.once('close', () => rounds.take(0, clientLost));
  target.once('close', () => rounds.take(0, targetLost));

  return {
    start(opened, early) {
      if (over) {
        // Ended while it was being opened.
        opened.close('killed');
        return;
      }
      session = opened;
      const settings = new SettingsTracker(
        {
          searchPath: link.searchPath,
          role: link.role,
          standardConformingStrings: link.parameters.get('standard_conforming_strings') !== 'off',
          clientEncoding: link.parameters.get('client_encoding') ?? 'UTF8',
        },
        `_countersign_${deps.random.bytes(6).toString('hex')}`,
      );
      const stated = new Stated();
      stated.atStartup(deps.startup);
      const running = createRequests(deps.clock, opened, { onRecordingBusy });
      requests = running;
      expectations = new Expectations((item) => {
        if (item.request !== null)
          running.settle(item.request, 'cancelled', 'not run: an earlier command of the pipeline failed');
      });
      const context: RelayContext = {
        session: opened,
        analyser: deps.analyser,
        analyserSession: deps.analyser.createSession(deps.catalogue),
        options: deps.connector.options,
        clock: deps.clock,
        settings,
        stated,
        expectations,
        requests: running,
        upstream: new Outlet(target),
        downstream: new Outlet(client),
        isOver: () => over,
        fail,
        send(outlet) {
          rounds.flush(outlet);
          rounds.enter(entered);
        },
        cancelRunning: () => deps.connector.cancel(link),
        cancelHold: undefined,
        notify(text) {
          if (over || downstream?.reader.midMessage !== false) return;
          const notice = errorResponse({ severity: 'NOTICE', sqlState: '00000', message: text });
          running.absorb(null, notice);
          context.downstream.insert(notice);
          context.downstream.flush();
        },
        inTransaction: () =>
          up.transactionStatus !== 'I' || context.pipelineOpen || context.expectations.size > 0,
        pipelineOpen: false,
        hmac: deps.hmac,
      };
      shared = context;
      const up = new Upstream(context);
      const down = new Downstream(context, up);
      upstream = up;
      downstream = down;
      client.on('end', () => rounds.take(0, clientLost));
      target.on('end', () => rounds.take(0, targetLost));
      client.on('drain', flow);
      target.on('drain', flow);
      const arrives =
        (push: (chunk: Buffer) => void) =>
        (chunk: Buffer): void => {
          deps.awake();
          rounds.take(chunk.length, () => guarded(() => push(chunk)));
        };
      client.on(
        'data',
        arrives((chunk) => up.push(chunk)),
      );
      target.on(
        'data',
        arrives((chunk) => down.push(chunk)),
      );
      if (client.destroyed) clientLost();
      else if (target.destroyed) targetLost();
      else {
        client.resume();
        target.resume();
        if (early.length > 0) guarded(() => up.push(early));
      }
    },
    refuse(error) {
      if (!finish('error', 'cut_off')) return;
      farewell(error, sqlStateOf(error));
      target.end(TERMINATE);
      target.resume();
      deps.clock.after(FAREWELL_MS, () => target.destroy(), { background: true });
    },
    end(order) {
      if (over) return;
      over = true;
      // First what counts, then the books: nothing more goes to the client, and the target is told.
      lastWords(fatalResponse(order.error, '57P01'));
      endBackend();
      // The one who orders the end closes the session's events himself, with the reason he knows; ours is ignored then.
      conclude(order.reason, 'cut_off', order.error.message);
    },
    cancel() {
      if (over || session === undefined) return;
      const started = deps.clock.monotonicUs();
      const gate = session.request({
        verb: 'cancel',
        text: 'cancel request',
        fingerprint: null,
        actions: [],
        risk: 'none',
      });
      const go = async (): Promise<void> => {
        const decision = await gate.decision;
        if (decision.outcome === 'deny') return;
        if (over) return;
        if (shared?.cancelHold !== undefined) shared.cancelHold();
        else await deps.connector.cancel(link);
        session?.response(gate.requestId, {
          status: 'ok',
          rows: 0,
          bytes: 0,
          durationUs: Math.round(deps.clock.monotonicUs() - started),
        });
      };
      go().catch((cause: unknown) => deps.log.warn({ pid: link.pid, cause }, 'cancel request not passed on'));
    },
    shutDown() {
      fail(postgresError('POSTGRES_GATEWAY_SHUTDOWN'), 'gateway_shutdown');
    },
  };
}

function setPaused(socket: Socket, paused: boolean): void {
  if (socket.destroyed || socket.isPaused() === paused) return;
  if (paused) socket.pause();
  else socket.resume();
}
