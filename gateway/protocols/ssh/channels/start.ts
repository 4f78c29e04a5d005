/** What a client asks to run on a session channel, as a request and as what is opened at the target. */
import type { ClientChannel, PseudoTtyInfo } from 'ssh2';
import type { RequestInput } from '../../../sessions/session.ts';
import type { ConnectionContext } from './context.ts';

export type Start =
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'shell' }
  | { readonly kind: 'subsystem'; readonly name: string };

export interface Prepared {
  readonly pty: PseudoTtyInfo | undefined;
  readonly env: ReadonlyMap<string, string>;
}

const NO_SHELLS = {
  rule: 'exec-only',
  reason: 'this connection takes single commands only: no shells, no terminals',
};

export function requestOf(context: ConnectionContext, start: Start, channel: string): RequestInput {
  const { options, analysis, hmac } = context;
  if (start.kind === 'exec') {
    const found = analysis.commands.analyse(start.command, {
      kind: 'exec',
      lists: options.commands,
      execOnly: options.execOnly,
      hmac,
    });
    return {
      verb: 'exec',
      text: found.text,
      fingerprint: found.fingerprint,
      actions: found.actions,
      risk: found.risk,
      channel,
      ...(found.forcedDenial === undefined ? {} : { forcedDenial: found.forcedDenial }),
    };
  }
  const object = start.kind === 'shell' ? 'shell' : start.name.slice(0, 256);
  const objectKind = start.kind === 'shell' ? 'program' : 'subsystem';
  const known = start.kind === 'shell' || start.name === 'sftp';
  return {
    verb: start.kind,
    text: object,
    fingerprint: `${start.kind}:${object}`,
    actions: [{ action: known ? 'execute' : 'opaque_code', objectKind, object, columns: [], whole: false }],
    risk: known ? 'low' : 'high',
    channel,
    ...(start.kind === 'shell' && options.execOnly ? { forcedDenial: NO_SHELLS } : {}),
  };
}

/** Opens it at the target. */
export function openAtTarget(
  context: ConnectionContext,
  start: Start,
  { pty, env }: Prepared,
  channel: string,
  done: (error: Error | undefined, channel?: ClientChannel) => void,
): void {
  const { client } = context;
  const variables = { ...Object.fromEntries(env), COUNTERSIGN_SESSION: context.variableOf(channel) };
  try {
    if (start.kind === 'exec')
      client.exec(start.command, { env: variables, ...(pty === undefined ? {} : { pty }) }, done);
    else if (start.kind === 'shell') client.shell(pty ?? false, { env: variables }, done);
    else client.subsys(start.name, done);
  } catch (error) {
    // The target is gone already.
    done(error as Error);
  }
}
