/** What a session lends to its target: the client's agent and its screen (X11). Each channel is a request; what goes by is not recorded. */
import type { RequestInput } from '../../../sessions/session.ts';
import { onAgentChannel, openAgent } from '../library/agent-channels.ts';
import type { Upstream } from '../target/upstreams.ts';
import { createAgentTraffic } from './agent-traffic.ts';
import { bringDown } from './bring-down.ts';
import type { ConnectionContext } from './context.ts';

export type Borrowed = 'agent' | 'x11';

const TELL = {
  agent: { verb: 'agent forwarding', action: 'forward_agent', option: 'agentForwarding' },
  x11: { verb: 'X11 forwarding', action: 'forward_x11', option: 'x11Forwarding' },
} as const;

/** The wish for it, or (with `what`) one use of it, as a request. */
export function borrowInput(
  { options, permits, stated }: ConnectionContext,
  kind: Borrowed,
  channel: string,
  use?: { readonly what: string; readonly granted: boolean },
): RequestInput {
  const { verb, action, option } = TELL[kind];
  const allowed = options[option] && permits[option];
  const reason = allowed
    ? 'no session of this connection has asked for it'
    : `${verb} is not allowed on this connection`;
  return {
    verb: use === undefined ? verb : kind === 'agent' ? 'auth-agent' : 'x11',
    text: use?.what ?? verb,
    fingerprint: use === undefined ? verb : `${verb}:use`,
    actions: [{ action, objectKind: null, object: null, columns: [], whole: false }],
    risk: 'medium',
    channel,
    ...(stated === undefined ? {} : { stated }),
    ...(allowed && use?.granted !== false ? {} : { forcedDenial: { rule: option, reason } }),
  };
}

export function serveBorrowed(context: ConnectionContext, upstream: Upstream, nextName: () => string): void {
  const { connection, granted } = context;
  onAgentChannel(upstream.client, (accept, reject) => {
    const traffic = createAgentTraffic();
    const input = borrowInput(context, 'agent', nextName(), {
      what: 'the target uses the agent',
      granted: granted.has('agent'),
    });
    bringDown(context, upstream, { input, accept, reject }, (done) => openAgent(connection, done), {
      // Keys may be added through it.
      record: false,
      watch: (bytes) => traffic.watch(bytes),
      tag: () => traffic.summary(),
    });
  });
  upstream.client.on('x11', ({ srcIP, srcPort }, accept, reject) => {
    const input = borrowInput(context, 'x11', nextName(), {
      what: `a program at ${srcIP}:${srcPort} uses the screen`,
      granted: granted.has('x11'),
    });
    const offer = { input, accept, reject };
    bringDown(context, upstream, offer, (done) => connection.x11(srcIP, srcPort, done), {
      record: false,
    });
  });
}
