/** What a client asks for on a session channel before something starts on it, and what it says to that later. */
import type { ServerChannel, Session as ClientSession } from 'ssh2';
import { isDangerousVariable } from '../shell/environment.ts';
import { borrowInput, type Borrowed } from './borrowed.ts';
import type { ConnectionContext } from './context.ts';
import { hasLists } from './lines.ts';
import type { Ruling, RunningRequest } from './requests.ts';
import { Channel } from './session-channel.ts';
import type { Prepared, Start } from './start.ts';

/** Variables that a client may set, and how long one may be. */
const VARIABLES_MAX = 64;
const VARIABLE_CHARS_MAX = 4096;
/** Variables that say why a client does what it does, and for which ticket. */
const STATED: Readonly<Record<string, 'reason' | 'ticket'>> = {
  COUNTERSIGN_REASON: 'reason',
  COUNTERSIGN_TICKET: 'ticket',
};
const STATED_CHARS_MAX = 1000;

/** Takes the requests of a client's session channel until something starts. */
export function serveSession(
  context: ConnectionContext,
  name: string,
  session: ClientSession,
  started: (channel: Channel, closed: Promise<void>) => void,
): void {
  const env = new Map<string, string>();
  const prepared: Prepared = { pty: undefined, env, agent: false, x11: undefined, stated: context.stated };
  let channel: Channel | undefined;
  const { options, permits } = context;
  /** Where lists hold, no variable gets in that changes what runs, whatever the option `env` says. */
  const isStrict = options.execOnly || hasLists(options.commands);
  /** What it lends to the target, until it ends; and what is not decided yet. */
  const lent: RunningRequest[] = [];
  const undecided: Promise<void>[] = [];
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
      prepared,
      onClosed: () => close(),
    });
    started(channel, closed);
    const { begin } = channel;
    if (undecided.length === 0) begin();
    else Promise.all(undecided).then(begin, begin);
  };
  session.on('pty', (accept, reject, info) => {
    if (!permits.pty || options.execOnly) {
      reject?.();
      return;
    }
    prepared.pty = info;
    accept?.();
  });
  session.on('env', (accept, reject, { key, val }) => {
    const about = STATED[key];
    if (about !== undefined) {
      // For us, not for the target.
      prepared.stated = {
        reason: null,
        ticket: null,
        ...prepared.stated,
        [about]: val.slice(0, STATED_CHARS_MAX),
      };
      accept?.();
      return;
    }
    if (
      env.size >= VARIABLES_MAX ||
      val.length > VARIABLE_CHARS_MAX ||
      (isStrict && key !== 'GIT_PROTOCOL' && isDangerousVariable(key)) ||
      !options.env.some((allowed) => allowed.test(key))
    ) {
      reject?.();
      return;
    }
    env.set(key, val);
    accept?.();
  });
  session.on('window-change', (accept, _reject, info) => {
    if (prepared.pty !== undefined) prepared.pty = { ...prepared.pty, ...info };
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
  const lend = (
    kind: Borrowed,
    accept: (() => void) | undefined,
    reject: (() => void) | undefined,
    grant: () => void,
  ): void => {
    const judged = context.requests.judge(borrowInput(context, kind, name));
    const isAllowed = (ruling: Ruling): boolean => {
      if (!ruling.allowed) return false;
      lent.push(ruling.request);
      context.granted.add(kind);
      grant();
      return true;
    };
    if (!(judged instanceof Promise)) {
      if (isAllowed(judged)) accept?.();
      else reject?.();
      return;
    }
    // Answers must come in order, and what starts is accepted at once: where it is denied in the end, nothing is lent.
    accept?.();
    undecided.push(judged.then((ruling) => void isAllowed(ruling)));
  };
  session.on('auth-agent', (accept, reject) =>
    lend('agent', accept, reject, () => {
      prepared.agent = true;
    }),
  );
  session.on('x11', (accept, reject, info) =>
    lend('x11', accept, reject, () => {
      prepared.x11 = info;
    }),
  );
  (session as unknown as NodeJS.EventEmitter).on('eow', () => channel?.endOfWrite());
  session.on('close', () => {
    for (const request of lent) request.settle({ status: 'ok' });
    channel?.clientClosed();
  });
}
