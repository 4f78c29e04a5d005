/** Agent channels, which the library knows from its own agent only: those of targets are told, those to clients are opened. */
import type { Channel, Client, Connection } from 'ssh2';
import { inside, type Protocol } from './internals.ts';

const TYPE = 'auth-agent@openssh.com';
/** What the library gives its own channels (Channel.js). */
const WINDOW = 2 * 1024 * 1024;
const PACKET = 32 * 1024;
/** No path that a client can name: streamlocal paths do not begin with a NUL that is followed by this. */
const AS_SOCKET = '\u0000agent';

interface OpenInfo {
  readonly type: string;
  readonly data: object;
}
interface TargetSide {
  readonly _forwardingUnix: Record<string, boolean>;
  readonly _protocol: Protocol;
}
interface ClientSide {
  readonly _chanMgr: {
    add(opening: ((error: Error | undefined, channel?: Channel) => void) & { type: string }): number;
  };
  readonly _protocol: Protocol & { openssh_authAgent(id: number, window: number, packet: number): void };
}

/** Tells each agent channel that the target opens; those that nobody may open are refused by whoever is told. */
export function onAgentChannel(
  client: Client,
  told: (accept: () => Channel, reject: () => void) => void,
): void {
  const target = inside(client) as unknown as TargetSide;
  const handlers = target._protocol._handlers as unknown as Record<
    string,
    (protocol: unknown, info: OpenInfo) => void
  >;
  const original = handlers['CHANNEL_OPEN']!;
  handlers['CHANNEL_OPEN'] = (protocol, info) =>
    original(
      protocol,
      info.type === TYPE
        ? { ...info, type: 'forwarded-streamlocal@openssh.com', data: { socketPath: AS_SOCKET } }
        : info,
    );
  target._forwardingUnix[AS_SOCKET] = true;
  client.on('unix connection', ({ socketPath }, accept, reject) => {
    if (socketPath === AS_SOCKET) told(accept, reject);
  });
}

/** A connection to a listening socket of the target, not an agent's. */
export const isSocket = (socketPath: string): boolean => socketPath !== AS_SOCKET;

/** Opens a channel to the client's agent. */
export function openAgent(
  connection: Connection,
  done: (error: Error | undefined, channel?: Channel) => void,
): void {
  const { _chanMgr: channels, _protocol: protocol } = inside(connection) as unknown as ClientSide;
  const id = channels.add(Object.assign(done, { type: TYPE }));
  if (id === -1) done(new Error('all channels are taken'));
  else protocol.openssh_authAgent(id, WINDOW, PACKET);
}
