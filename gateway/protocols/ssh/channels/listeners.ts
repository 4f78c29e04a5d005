/** What clients ask the target to listen on (ssh -R), ports and sockets. */
import type { Client } from 'ssh2';
import { isSocket } from '../library/agent-channels.ts';
import { bringDown } from './bring-down.ts';
import type { ConnectionContext } from './context.ts';
import { forwardInput } from './forward-input.ts';
import type { RunningRequest } from './requests.ts';

/** Listeners that one connection may have on the target. */
const LISTENERS_MAX = 64;

/** What the client asks the target to listen on, and who connects there. */
export function serveListeners(context: ConnectionContext, nextName: () => string): void {
  const { connection } = context;
  const { first } = context.upstreams;
  const { client } = first;
  const listening = new Map<string, RunningRequest>();
  connection.on('request', (accept, reject, name, info) => {
    const wish = listenWish(client, name, info as ListenInfo);
    if (wish === undefined) {
      reject?.();
      return;
    }
    const { object } = wish;
    if (wish.ends) {
      wish.carryOut((error) => {
        if (error !== undefined) return reject?.();
        listening.get(object)?.settle({ status: 'ok' });
        listening.delete(object);
        accept?.();
      });
      return;
    }
    if (listening.size >= LISTENERS_MAX) {
      reject?.();
      return;
    }
    Promise.resolve(context.requests.judge(forwardInput(context, name, object, 'forward_remote', null)))
      .then((ruling) => {
        if (!ruling.allowed || context.isOver()) return reject?.();
        const { request } = ruling;
        wish.carryOut((error, port) => {
          if (error !== undefined) {
            request.settle({ status: 'error', errorMessage: error.message.slice(0, 500) });
            reject?.();
            return;
          }
          listening.set(wish.nameWith(port), request);
          accept?.(port);
        });
      })
      .catch((cause: unknown) => {
        context.log.error({ cause }, 'a forward ended by a bug');
        reject?.();
      });
  });
  client.on('tcp connection', ({ destIP, destPort, srcIP, srcPort }, accept, reject) => {
    const object = `${destIP}:${destPort} from ${srcIP}:${srcPort}`;
    const input = forwardInput(context, 'forwarded-tcpip', object, 'forward_remote', nextName());
    bringDown(context, first, { input, accept, reject }, (done) =>
      connection.forwardOut(destIP, destPort, srcIP, srcPort, done),
    );
  });
  client.on('unix connection', ({ socketPath }, accept, reject) => {
    if (!isSocket(socketPath)) return;
    const input = forwardInput(context, 'forwarded-streamlocal', socketPath, 'forward_remote', nextName());
    bringDown(context, first, { input, accept, reject }, (done) =>
      connection.openssh_forwardOutStreamLocal(socketPath, done),
    );
  });
}

type ListenInfo = { readonly bindAddr: string; readonly bindPort: number; readonly socketPath: string };

interface ListenWish {
  readonly object: string;
  /** Ends a listener. */
  readonly ends: boolean;
  /** What it is called from now on, where the target chose the port. */
  nameWith(port: number | undefined): string;
  carryOut(done: (error: Error | undefined, port?: number) => void): void;
}

/** Undefined: it asks for nothing that we know. */
function listenWish(
  client: Client,
  name: string,
  { bindAddr, bindPort, socketPath }: ListenInfo,
): ListenWish | undefined {
  const address = `${bindAddr}:${bindPort}`;
  const socket = { object: socketPath, nameWith: () => socketPath };
  switch (name) {
    case 'tcpip-forward':
      return {
        object: address,
        ends: false,
        nameWith: (port) => (bindPort === 0 ? `${bindAddr}:${port}` : address),
        carryOut: (done) => client.forwardIn(bindAddr, bindPort, done),
      };
    case 'cancel-tcpip-forward':
      return {
        object: address,
        ends: true,
        nameWith: () => address,
        carryOut: (done) => client.unforwardIn(bindAddr, bindPort, (error) => done(error ?? undefined)),
      };
    case 'streamlocal-forward@openssh.com':
      return {
        ...socket,
        ends: false,
        carryOut: (done) =>
          client.openssh_forwardInStreamLocal(socketPath, (error) => done(error ?? undefined)),
      };
    case 'cancel-streamlocal-forward@openssh.com':
      return {
        ...socket,
        ends: true,
        carryOut: (done) =>
          client.openssh_unforwardInStreamLocal(socketPath, (error) => done(error ?? undefined)),
      };
    default:
      return undefined;
  }
}
