/** What a client asks for on a session channel before something starts on it, and what it says to that later. */
import type { ServerChannel, Session as ClientSession } from 'ssh2';
import type { ConnectionContext } from './context.ts';
import { Channel } from './session-channel.ts';
import type { Prepared, Start } from './start.ts';

/** Variables that a client may set, and how long one may be. */
const VARIABLES_MAX = 64;
const VARIABLE_CHARS_MAX = 4096;

/** Takes the requests of a client's session channel until something starts. */
export function serveSession(
  context: ConnectionContext,
  name: string,
  session: ClientSession,
  started: (channel: Channel, closed: Promise<void>) => void,
): void {
  const env = new Map<string, string>();
  let pty: Prepared['pty'];
  let channel: Channel | undefined;
  const { options, permits } = context;
  const start = (accept: (() => ServerChannel) | undefined, wanted: Start): void => {
    const forced: Start =
      permits.forceCommand === null ? wanted : { kind: 'exec', command: permits.forceCommand };
    // At once: what the client sends behind its request is lost otherwise.
    const down = accept?.();
    if (down === undefined || channel !== undefined) return;
    let close: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    channel = new Channel(context, {
      name,
      down,
      start: forced,
      prepared: { pty, env },
      onClosed: () => close(),
    });
    started(channel, closed);
    channel.begin();
  };
  session.on('pty', (accept, reject, info) => {
    if (!permits.pty || options.execOnly) {
      reject?.();
      return;
    }
    pty = info;
    accept?.();
  });
  session.on('env', (accept, reject, { key, val }) => {
    if (
      env.size >= VARIABLES_MAX ||
      val.length > VARIABLE_CHARS_MAX ||
      !options.env.some((allowed) => allowed.test(key))
    ) {
      reject?.();
      return;
    }
    env.set(key, val);
    accept?.();
  });
  session.on('window-change', (accept, _reject, info) => {
    if (pty !== undefined) pty = { ...pty, ...info };
    channel?.windowChange(info);
    accept?.();
  });
  session.on('signal', (accept, _reject, { name: signal }) => {
    channel?.signal(signal);
    accept?.();
  });
  session.on('exec', (accept, _reject, { command }) => start(accept, { kind: 'exec', command }));
  session.on('shell', (accept) => start(accept, { kind: 'shell' }));
  session.on('subsystem', (accept, _reject, info) => start(accept, { kind: 'subsystem', name: info.name }));
  /** Forwards that no connection allows: told, refused. */
  const refuse = (verb: string, action: string, reject: (() => void) | undefined): void => {
    const forcedDenial = { rule: action, reason: `${verb} is not allowed through this gateway` };
    const judged = context.requests.judge({
      verb,
      text: verb,
      fingerprint: verb,
      actions: [{ action, objectKind: null, object: null, columns: [], whole: false }],
      risk: 'medium',
      channel: name,
      forcedDenial,
    });
    Promise.resolve(judged).then(
      () => reject?.(),
      () => reject?.(),
    );
  };
  session.on('auth-agent', (_accept, reject) => refuse('agent forwarding', 'forward_agent', reject));
  session.on('x11', (_accept, reject) => refuse('X11 forwarding', 'forward_x11', reject));
  (session as unknown as NodeJS.EventEmitter).on('eow', () => channel?.endOfWrite());
  session.on('close', () => channel?.clientClosed());
}
