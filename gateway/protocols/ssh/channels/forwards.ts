/** Port forwarding both ways: denied unless the connection allows it, each a request, its bytes counted and recorded. */
import type { ClientChannel, ServerChannel } from 'ssh2';
import type { ConnectionContext } from './context.ts';
import { forwardInput } from './forward-input.ts';
import { join } from './join.ts';

export function serveForwards(context: ConnectionContext, nextName: () => string): void {
  const { connection, options } = context;
  const { client } = context.upstreams.first;
  let open = 0;
  /** From the client towards what the target can reach. */
  const forwardOut = (
    verb: string,
    object: string,
    accept: () => ServerChannel,
    reject: () => void,
    openUp: (done: (error: Error | undefined, up: ClientChannel) => void) => void,
  ): void => {
    if (open >= options.channelsMax) {
      reject();
      return;
    }
    open += 1;
    const done = (): void => {
      open -= 1;
    };
    const refuse = (): void => {
      done();
      reject();
    };
    Promise.resolve(context.requests.judge(forwardInput(context, verb, object, 'forward_local', nextName())))
      .then((ruling) => {
        if (!ruling.allowed || context.isOver()) return refuse();
        const { request } = ruling;
        openUp((error, up) => {
          if (error !== undefined) {
            request.settle({ status: 'error', errorMessage: error.message.slice(0, 500) });
            refuse();
            return;
          }
          join(context, context.upstreams.first.gate, { down: accept(), up }, request, {
            record: true,
            onClosed: done,
          });
        });
      })
      .catch((cause: unknown) => {
        context.log.error({ cause }, 'a forward ended by a bug');
        refuse();
      });
  };
  connection.on('tcpip', (accept, reject, { srcIP, srcPort, destIP, destPort }) =>
    forwardOut('direct-tcpip', `${destIP}:${destPort}`, accept, reject, (done) =>
      client.forwardOut(srcIP, srcPort, destIP, destPort, done),
    ),
  );
  connection.on('openssh.streamlocal', (accept, reject, { socketPath }) =>
    forwardOut('direct-streamlocal', socketPath, accept, reject, (done) =>
      client.openssh_forwardOutStreamLocal(socketPath, done),
    ),
  );
}
