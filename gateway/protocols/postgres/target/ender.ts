/**
 * Ends backends of one target over a connection that is logged in already: an attacker's statement must not run on while we shake
 * hands. Kept while sessions are open on the target and a little longer; without it the caller logs in anew.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../../../platform/clock/clock.ts';
import { createAttachments } from '../../targets/attachments.ts';
import { BACKEND } from '../wire/message-types.ts';
import { MessageStream } from '../wire/message-stream.ts';
import { query, TERMINATE } from '../wire/messages.ts';
import { ignore, type TargetLogin } from './login.ts';

export interface Ender {
  /** A session has been opened on the target; returns what to call at its end. */
  attach(): () => void;
  /** Runs a statement without result of interest; false where there is no connection for it. Resolves when the target has run it. */
  run(sql: string): Promise<boolean>;
  close(): void;
}

/** Kept so long after the last session, milliseconds. */
const LINGER_MS = 10_000;
/** A target that refuses is asked again with the next session, but not before this time has passed. */
const RETRY_MS = 1000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Statements under way; more than this means that the target does not answer. */
const WAITING_MAX = 1000;

interface Link {
  readonly socket: Socket;
  readonly waiting: ((ran: boolean) => void)[];
}

export function createEnder({
  clock,
  login,
  timeoutMs,
}: {
  clock: Clock;
  login: () => Promise<TargetLogin>;
  timeoutMs: number;
}): Ender {
  let link: Link | undefined;
  let opening = false;
  let triedAtUs = Number.NEGATIVE_INFINITY;
  let closed = false;

  const drop = (of: Link): void => {
    if (link === of) link = undefined;
    of.socket.destroy();
    for (const answer of of.waiting.splice(0)) answer(false);
  };
  const listen = async (of: Link): Promise<void> => {
    const stream = new MessageStream(of.socket, ANSWER_BYTES_MAX);
    for (;;) {
      const next = await stream.next();
      if ('ended' in next) break;
      if (next.type === BACKEND.readyForQuery) of.waiting.shift()?.(true);
    }
    drop(of);
  };
  const open = async (): Promise<void> => {
    const nowUs = clock.monotonicUs();
    if (closed || opening || link !== undefined || nowUs - triedAtUs < RETRY_MS * 1000) return;
    opening = true;
    triedAtUs = nowUs;
    const result = await login().finally(() => (opening = false));
    if (!result.ok) return;
    const { socket } = result.link;
    socket.on('error', ignore);
    if (closed || !sessions.any()) {
      socket.end(TERMINATE);
      return;
    }
    const made: Link = { socket, waiting: [] };
    link = made;
    // Nobody's work waits for it: it keeps no process alive.
    socket.unref();
    await listen(made);
  };
  const leave = (): void => {
    link?.socket.end(TERMINATE);
    link = undefined;
  };
  const sessions = createAttachments(clock, LINGER_MS, leave);
  return {
    attach() {
      const detach = sessions.attach();
      // Without it the caller's own login does the work.
      open().catch(() => undefined);
      return detach;
    },
    run(sql) {
      const of = link;
      if (of === undefined || of.waiting.length >= WAITING_MAX) return Promise.resolve(false);
      return new Promise((resolve) => {
        const timer = clock.after(timeoutMs, () => drop(of), { background: true });
        of.waiting.push((ran) => {
          timer.cancel();
          resolve(ran);
        });
        of.socket.write(query(sql));
      });
    },
    close() {
      closed = true;
      sessions.close();
      leave();
    },
  };
}
