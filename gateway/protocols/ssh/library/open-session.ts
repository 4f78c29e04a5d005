/**
 * Opens a session channel at the target. The library's own `exec` and `shell` wait for an answer to each request, cannot ask for a
 * forwarded agent without one, and give the channel up where X11 is refused; OpenSSH's client does none of that.
 */
import type { Client, ClientChannel, PseudoTtyInfo } from 'ssh2';
import { sshString, uint32 } from '../keys/wire.ts';
import { inside, message, send, type ChannelInside, type Protocol } from './internals.ts';

/** What the library gives its own channels (Channel.js). */
const WINDOW = 2 * 1024 * 1024;
const PACKET = 32 * 1024;

export interface X11Request {
  readonly single: boolean;
  readonly protocol: string;
  readonly cookie: string | Buffer;
  readonly screen: number;
}

export interface SessionStart {
  readonly env: Readonly<Record<string, string>>;
  readonly pty: PseudoTtyInfo | undefined;
  readonly agent: boolean;
  readonly x11: X11Request | undefined;
  readonly run:
    | { readonly kind: 'exec'; readonly command: string }
    | { readonly kind: 'shell' }
    | { readonly kind: 'subsystem'; readonly name: string };
}

/** The target opens no further session on this connection (MaxSessions); another connection may. */
export class NoRoom extends Error {}

interface Opening {
  (error: Error | undefined, channel?: ClientChannel): void;
  type: string;
}
interface Opener {
  readonly _chanMgr: { add(opening: Opening): number };
  readonly _protocol: Protocol & {
    session(id: number, window: number, packet: number): void;
    env(id: number, name: string, value: string, wantReply: boolean): void;
    pty(
      id: number,
      rows: number,
      columns: number,
      height: number,
      width: number,
      term: string,
      modes: unknown,
      wantReply: boolean,
    ): void;
    x11Forward(id: number, request: X11Request, wantReply: boolean): void;
    exec(id: number, command: string, wantReply: boolean): void;
    shell(id: number, wantReply: boolean): void;
    subsystem(id: number, name: string, wantReply: boolean): void;
  };
  /** X11 channels that the target may open: sessions that asked for them. */
  _acceptX11: number;
}
interface Waiting {
  readonly _callbacks: ((failed: boolean | Error) => void)[];
  subtype: string;
}

/**
 * `onX11`: whether the target gave X11 to the session. `done` is called while the target's answer is read: what comes behind that
 * (output, exit status) finds its listeners. Throws where the connection is over.
 */
export function openSession(
  client: Client,
  start: SessionStart,
  done: (error: Error | undefined, channel?: ClientChannel) => void,
  onX11: (granted: boolean) => void,
): void {
  const opener = inside(client) as unknown as Opener;
  const opening: Opening = Object.assign(
    (error: Error | undefined, channel?: ClientChannel) => {
      if (error === undefined && channel !== undefined) begin(opener, channel, start, done, onX11);
      else done(new NoRoom(error?.message.replace('(SSH) ', '') ?? 'no channel'));
    },
    { type: 'session' },
  );
  const id = opener._chanMgr.add(opening);
  if (id === -1) done(new NoRoom('all channels are taken'));
  else opener._protocol.session(id, WINDOW, PACKET);
}

/** Asks for all that the session needs, and runs what it is for when terminal and X11 are answered. */
function begin(
  opener: Opener,
  channel: ClientChannel,
  { env, pty, agent, x11, run }: SessionStart,
  done: (error: Error | undefined, channel?: ClientChannel) => void,
  onX11: (granted: boolean) => void,
): void {
  const { _protocol: protocol } = opener;
  const { id } = (channel as unknown as ChannelInside).outgoing;
  const answers = (channel as unknown as Waiting)._callbacks;
  const isOpen = (): boolean => (channel as unknown as ChannelInside).outgoing.state === 'open';
  let failed = false;
  const fail = (reason: string): void => {
    if (failed) return;
    failed = true;
    channel.close();
    done(new Error(reason));
  };
  for (const [name, value] of Object.entries(env)) protocol.env(id, name, value, false);
  if (agent)
    send(protocol, message(98), uint32(id), sshString('auth-agent-req@openssh.com'), Buffer.from([0]));
  let unanswered = 0;
  const answered = (): void => {
    unanswered -= 1;
    if (unanswered > 0 || failed) return;
    if (!isOpen()) return fail('it closed the channel');
    answers.push((refused) => {
      if (refused !== false) return fail('it refuses to start this');
      (channel as unknown as Waiting).subtype = run.kind;
      return done(undefined, channel);
    });
    if (run.kind === 'exec') protocol.exec(id, run.command, true);
    else if (run.kind === 'shell') protocol.shell(id, true);
    else protocol.subsystem(id, run.name, true);
  };
  if (pty !== undefined) {
    const { rows, cols, height, width, term, modes } = pty as PseudoTtyInfo & {
      readonly term?: string;
      readonly modes?: unknown;
    };
    unanswered += 1;
    answers.push((refused) => {
      if (refused === false) answered();
      else fail('it gives no terminal');
    });
    protocol.pty(id, rows, cols, height, width, term ?? 'vt100', modes, true);
  }
  if (x11 !== undefined) {
    unanswered += 1;
    answers.push((refused) => {
      if (refused === false) {
        opener._acceptX11 += 1;
        channel.once('close', () => {
          opener._acceptX11 -= 1;
        });
      }
      onX11(refused === false);
      answered();
    });
    protocol.x11Forward(id, x11, true);
  }
  if (unanswered > 0) return;
  unanswered = 1;
  answered();
}
