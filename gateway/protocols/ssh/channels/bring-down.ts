/** A channel that the target opens, decided and brought to the client. */
import type { Channel } from 'ssh2';
import type { RequestInput } from '../../../sessions/session.ts';
import type { Upstream } from '../target/upstreams.ts';
import type { ConnectionContext } from './context.ts';
import { join, type JoinOptions } from './join.ts';

export function bringDown(
  context: ConnectionContext,
  upstream: Upstream,
  offer: { readonly input: RequestInput; readonly accept: () => Channel; readonly reject: () => void },
  openDown: (done: (error: Error | undefined, down?: Channel) => void) => void,
  options: JoinOptions = { record: true },
): void {
  const { input, accept, reject } = offer;
  Promise.resolve(context.requests.judge(input))
    .then((ruling) => {
      if (!ruling.allowed || context.isOver()) return reject();
      const { request } = ruling;
      openDown((error, down) => {
        if (error !== undefined || down === undefined) {
          request.settle({ status: 'error', errorMessage: (error?.message ?? '').slice(0, 500) });
          reject();
          return;
        }
        join(context, upstream.gate, { down, up: accept() }, request, options);
      });
    })
    .catch((cause: unknown) => {
      context.log.error({ cause }, 'a forward ended by a bug');
      reject();
    });
}
