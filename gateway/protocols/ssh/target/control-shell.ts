/**
 * Ends what sessions left running on one target, over a login of its own that stands ready while sessions are open there: an
 * attacker's program must not run on while we shake hands. One for each account of a connection.
 */
import type { ClientChannel } from 'ssh2';
import type { Clock } from '../../../../platform/clock/clock.ts';
import { createAttachments } from '../../targets/attachments.ts';
import type { Dialled, TargetLink } from './dial.ts';
import { callOf, PROGRAM, readRemains, type SessionRemains } from './process-script.ts';

export interface ControlShell {
  /** A session has been opened; returns what to call at its end. */
  attach(): () => void;
  /** Ends the session's processes. Undefined: the target cannot be asked. */
  end(marker: string, variable: string): Promise<SessionRemains | undefined>;
  close(): void;
}

/** Kept so long after the last session, milliseconds. */
const LINGER_MS = 10_000;
/** A target that refuses is asked again with the next session, but not before this time has passed. */
const RETRY_MS = 1000;
const ANSWER_MS = 10_000;
/** An answer that is longer is not ours. */
const ANSWER_CHARS_MAX = 1024 * 1024;
const WAITING_MAX = 1000;

interface Ready {
  readonly link: TargetLink;
  readonly channel: ClientChannel;
  readonly waiting: ((remains: SessionRemains | undefined) => void)[];
}

export function createControlShell(clock: Clock, dial: () => Promise<Dialled>): ControlShell {
  let ready: Ready | undefined;
  let opening: Promise<Ready | undefined> | undefined;
  let triedAtUs = Number.NEGATIVE_INFINITY;
  let closed = false;

  const drop = (of: Ready): void => {
    if (ready === of) ready = undefined;
    of.link.socket.destroy();
    for (const answer of of.waiting.splice(0)) answer(undefined);
  };
  const listen = (
    link: TargetLink,
    channel: ClientChannel,
    done: (made: Ready | undefined) => void,
  ): void => {
    const made: Ready = { link, channel, waiting: [] };
    let text = '';
    let lines: string[] = [];
    channel.on('data', (bytes: Buffer) => {
      text += bytes.toString('utf8');
      if (text.length > ANSWER_CHARS_MAX || lines.length > 100_000) return drop(made);
      const parts = text.split('\n');
      text = parts.pop()!;
      for (const line of parts) {
        if (line === 'R') done(made);
        else if (line === 'E') {
          made.waiting.shift()?.(readRemains(lines));
          lines = [];
        } else lines.push(line);
      }
    });
    channel.stderr.resume();
    const over = (): void => {
      drop(made);
      done(undefined);
    };
    channel.once('close', over);
    link.client.on('error', over);
    link.client.on('close', over);
    channel.write(PROGRAM);
  };
  const open = async (): Promise<Ready | undefined> => {
    triedAtUs = clock.monotonicUs();
    const dialled = await dial();
    if (!dialled.ok) return undefined;
    const { link } = dialled;
    link.client.on('error', () => undefined);
    const made = await new Promise<Ready | undefined>((resolve) => {
      const timer = clock.after(ANSWER_MS, () => resolve(undefined), { background: true });
      const done = (result: Ready | undefined): void => {
        timer.cancel();
        resolve(result);
      };
      link.client.exec('exec /bin/sh', (error, channel) => {
        if (error !== undefined) done(undefined);
        else listen(link, channel, done);
      });
    });
    if (made === undefined || closed) {
      link.socket.destroy();
      return undefined;
    }
    // Nobody's work waits for it: it keeps no process alive.
    link.socket.unref();
    return made;
  };
  const ensure = (): Promise<Ready | undefined> => {
    if (ready !== undefined) return Promise.resolve(ready);
    if (opening !== undefined) return opening;
    if (closed || clock.monotonicUs() - triedAtUs < RETRY_MS * 1000) return Promise.resolve(undefined);
    opening = open()
      .then((made) => (ready = made))
      .catch(() => undefined)
      .finally(() => (opening = undefined));
    return opening;
  };
  const leave = (): void => {
    const of = ready;
    ready = undefined;
    if (of === undefined) return;
    of.channel.end();
    of.link.client.end();
  };
  const sessions = createAttachments(clock, LINGER_MS, leave);
  return {
    attach() {
      const detach = sessions.attach();
      // Without it `end` logs in itself.
      ensure().catch(() => undefined);
      return detach;
    },
    async end(marker, variable) {
      const call = callOf(marker, variable);
      if (call === undefined) return undefined;
      const of = ready ?? (await ensure());
      if (of === undefined || of.waiting.length >= WAITING_MAX) return undefined;
      return await new Promise((resolve) => {
        const timer = clock.after(ANSWER_MS, () => drop(of), { background: true });
        of.waiting.push((remains) => {
          timer.cancel();
          resolve(remains);
        });
        of.channel.write(call);
      });
    },
    close() {
      closed = true;
      sessions.close();
      leave();
    },
  };
}

const TARGET_SESSION = /^([0-9a-f-]{36})@([^@]{1,128})@(.{1,200})$/;

/** What finds a session's processes again after a crash of the gateway. */
export const targetSessionOf = (variable: string, { account, marker }: TargetLink): string =>
  `${variable}@${account}@${marker}`;

export function parseTargetSession(
  text: string,
): { readonly variable: string; readonly account: string; readonly marker: string } | undefined {
  const parts = TARGET_SESSION.exec(text);
  return parts === null ? undefined : { variable: parts[1]!, account: parts[2]!, marker: parts[3]! };
}
