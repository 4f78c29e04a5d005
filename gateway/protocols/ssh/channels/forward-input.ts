import type { RequestInput } from '../../../sessions/session.ts';
import type { ConnectionContext } from './context.ts';

/** A forward as a request. */
export function forwardInput(
  context: ConnectionContext,
  verb: string,
  object: string,
  action: 'forward_local' | 'forward_remote',
  channel: string | null,
): RequestInput {
  const { options, permits, stated } = context;
  const option = action === 'forward_local' ? 'localForwarding' : 'remoteForwarding';
  const allowed = permits.forwarding && options[option];
  return {
    verb,
    text: object,
    fingerprint: `${verb}:${object}`,
    actions: [{ action, objectKind: 'address', object, columns: [], whole: false }],
    risk: 'medium',
    channel,
    ...(stated === undefined ? {} : { stated }),
    ...(allowed
      ? {}
      : { forcedDenial: { rule: option, reason: 'port forwarding is not allowed on this connection' } }),
  };
}
