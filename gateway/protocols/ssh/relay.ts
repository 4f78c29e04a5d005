/** One logged-in connection: joins the client's side and the target's, counts its channels, and ends exactly once. */
import type { Client, Connection } from 'ssh2';
import type { Clock, Timer } from '../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { Logger } from '../../../platform/log/log.ts';
import type { CloseReason } from '../../../schemas/types.ts';
import type { EndOrder, Session } from '../../sessions/session.ts';
import type { SshAnalysis } from './analysis.ts';
import type { ConnectionContext, Permits } from './channels/context.ts';
import { serveBorrowed } from './channels/borrowed.ts';
import { serveForwards } from './channels/forwards.ts';
import { createGate } from './channels/gate.ts';
import { serveListeners } from './channels/listeners.ts';
import { createRequests, type Requests } from './channels/requests.ts';
import { serveSession } from './channels/serve-session.ts';
import type { Channel } from './channels/session-channel.ts';
import type { Stated } from './channels/start.ts';
import { sshError } from './errors.ts';
import { inKeyExchange, sendDisconnect, socketOf } from './library/internals.ts';
import { keepKeysFresh } from './library/fresh-keys.ts';
import type { Connector } from './target/connector.ts';
import type { Dialled, TargetLink } from './target/dial.ts';
import { createSessionTarget, NOT_ASKED } from './target/session-target.ts';
import type { Upstream } from './target/upstreams.ts';

/** A peer that does not take its last message is not waited for longer. */
const FAREWELL_MS = 1000;
/** SSH_DISCONNECT_BY_APPLICATION (RFC 4253, section 11.1). */
const BY_APPLICATION = 11;

export interface RelayParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly analysis: SshAnalysis;
  readonly connector: Connector;
  readonly connection: Connection;
  readonly link: TargetLink;
  /** One more login at the target, as the first one. */
  readonly dial: () => Promise<Dialled>;
  readonly permits: Permits;
  /** Why the client came, where it was asked. */
  readonly stated: Stated | undefined;
  readonly sessionVariable: string;
  readonly hmac: (secret: string) => Buffer;
  readonly onClosed: () => void;
}

export interface Relay {
  /** The session is open: channels may come. */
  start(session: Session): void;
  /** Session.end: the client's socket is closed when this returns. */
  end(order: EndOrder): void;
  /** Ends with an error for the client. */
  shutDown(): void;
  /** The session did not open: lets the target go. */
  abandon(): void;
}

export function createRelay(parts: RelayParts): Relay {
  const { clock, log, connector, connection, sessionVariable } = parts;
  const { options } = connector;
  const clientSocket = socketOf(connection);
  const channels = new Set<Channel>();
  const timers: Timer[] = [];
  let session: Session | undefined;
  let requests: Requests | undefined;
  let over = false;
  let opened = 0;
  /** Session channels, also those on which nothing has started yet. */
  let sessionsOpen = 0;
  /** Something ran on a channel that the client closed. */
  let abandoned = false;

  /** Everything but the session's last event; false where it is over already. */
  const finish = (note: string): boolean => {
    if (over) return false;
    over = true;
    for (const timer of timers) timer.cancel();
    for (const channel of channels) channel.close();
    requests?.settleAll('cut_off', note);
    parts.onClosed();
    return true;
  };
  const killAll = (): void => {
    for (const channel of channels) channel.kill();
  };
  const conclude = (reason: CloseReason, detail: string, kill: boolean): void => {
    if (!kill) {
      session?.close(reason, detail);
      return;
    }
    const note = (text: string): void => session?.close(reason, detail, text);
    target.endProcesses().then(note, () => note(NOT_ASKED));
  };
  const farewell = (error: CountersignError): void => {
    if (clientSocket.destroyed) return;
    try {
      sendDisconnect(connection, BY_APPLICATION, error.message);
    } catch {
      // The library has given the connection up.
    }
    clientSocket.end();
    clock.after(FAREWELL_MS, () => clientSocket.destroy(), { background: true });
  };
  const fail = (error: CountersignError, reason: CloseReason, kill: boolean): void => {
    if (over) return;
    if (kill) killAll();
    finish(error.message);
    farewell(error);
    target.letGo();
    conclude(reason, error.message, kill);
  };
  const clientLost = (cause?: Error): void => {
    if (over) return;
    const running = abandoned || [...channels].some((channel) => channel.running);
    const kill = running && !options.leaveProcesses;
    if (kill) killAll();
    finish('the client is gone');
    clientSocket.destroy();
    target.letGo();
    const isViolation = cause !== undefined && (cause as { level?: string }).level !== 'socket';
    conclude(isViolation ? 'protocol_error' : 'client_closed', cause?.message.slice(0, 500) ?? '', kill);
  };
  const targetLost = (): void => {
    const error = sshError('SSH_TARGET_LOST', { connection: connector.connection.name });
    fail(error, 'target_closed', false);
  };

  // From now on, not only from start(): a session may be ended while it is being opened.
  connection.on('error', (cause: Error) => {
    // The library goes on after a broken packet, and makes room for what was announced.
    clientSocket.destroy();
    clientLost(cause);
  });
  connection.on('close', () => clientLost());
  connection.on('end', () => clientLost());
  let serveUpstream: (upstream: Upstream) => void = () => undefined;
  const target = createSessionTarget({
    clock,
    log,
    connector,
    link: parts.link,
    dial: parts.dial,
    sessionVariable,
    isOver: () => over,
    onLost: targetLost,
    onUpstream: (upstream) => serveUpstream(upstream),
  });
  const { upstreams } = target;

  const serve = (context: ConnectionContext): void => {
    connection.on('session', (accept, reject) => {
      if (over || sessionsOpen >= options.channelsMax) {
        reject();
        return;
      }
      opened += 1;
      const clientSession = accept() as ReturnType<typeof accept> | undefined;
      if (clientSession === undefined) return;
      sessionsOpen += 1;
      clientSession.once('close', () => {
        sessionsOpen -= 1;
      });
      serveSession(context, String(opened), clientSession, (channel, closed) => {
        channels.add(channel);
        closed.then(() => channels.delete(channel)).catch(() => undefined);
      });
    });
    const nextName = (): string => {
      opened += 1;
      return String(opened);
    };
    serveForwards(context, nextName);
    serveListeners(context, nextName);
    serveUpstream = (upstream) => {
      serveBorrowed(context, upstream, nextName);
      upstream.link.reads.gather(clientSocket);
      keepFresh(upstream.client);
    };
    serveUpstream(upstreams.first);
    keepFresh(connection);
  };
  const keepFresh = (peer: Connection | Client): void =>
    void timers.push(
      keepKeysFresh(clock, peer, options, () => {
        const reason = 'a key exchange was begun and not finished';
        fail(sshError('SSH_PROTOCOL_VIOLATION', { reason }), 'protocol_error', true);
      }),
    );

  return {
    start(given) {
      if (over) {
        given.close('killed');
        return;
      }
      session = given;
      requests = createRequests(clock, given, () => over);
      serve({
        clock,
        log,
        session: given,
        requests,
        analysis: parts.analysis,
        options,
        permits: parts.permits,
        stated: parts.stated,
        connection,
        upstreams,
        down: createGate(connection, clientSocket),
        granted: new Set(),
        variableOf: (channel) => `${sessionVariable}.${channel}`,
        endChannel(channel) {
          abandoned = true;
          target.endChannel(channel);
        },
        hmac: parts.hmac,
        isOver: () => over,
      });
    },
    end(order) {
      if (over) return;
      // First what counts, then the books: nothing more goes to the client, and the target is told.
      killAll();
      try {
        if (clientSocket.writableLength === 0 && !inKeyExchange(connection))
          sendDisconnect(connection, BY_APPLICATION, order.error.message);
      } catch {
        // The library has given the connection up.
      }
      clientSocket.destroy();
      finish(order.error.message);
      target.letGo();
      conclude(order.reason, order.error.message, true);
    },
    shutDown() {
      fail(sshError('SSH_GATEWAY_SHUTDOWN'), 'gateway_shutdown', true);
    },
    abandon() {
      if (!finish('the session did not open')) return;
      target.letGo();
    },
  };
}
