/** What a client asks to run on a session channel, as a request and as what is opened at the target. */
import type { PseudoTtyInfo } from 'ssh2';
import type { RequestInput } from '../../../sessions/session.ts';
import { openSession, type X11Request } from '../library/open-session.ts';
import type { OpenDone } from '../target/upstreams.ts';
import type { ResolvedOptions } from '../options.ts';
import type { ConnectionContext } from './context.ts';

export type Start =
  | { readonly kind: 'exec'; readonly command: string }
  | { readonly kind: 'shell' }
  | { readonly kind: 'subsystem'; readonly name: string };

/** What was asked for before it starts. */
export interface Prepared {
  pty: PseudoTtyInfo | undefined;
  readonly env: ReadonlyMap<string, string>;
  agent: boolean;
  x11: X11Request | undefined;
  /** Why the client does it, by COUNTERSIGN_REASON and COUNTERSIGN_TICKET. */
  stated: Stated | undefined;
}

export type Stated = NonNullable<RequestInput['stated']>;

const NO_SHELLS = {
  rule: 'exec-only',
  reason: 'this connection takes single commands only: no shells, no terminals',
};

const NO_SUBSYSTEM = {
  rule: 'exec-only',
  reason: 'this connection takes single commands only: no subsystem but SFTP',
};
/** Files of the account run by themselves (start files, authorized_keys), so that free SFTP is a shell. */
const NO_FREE_SFTP = {
  rule: 'exec-only',
  reason: 'SFTP on an exec-only connection needs the option sftp.readOnly or sftp.allow',
};

function refusalOf(
  start: Start,
  { execOnly, sftp }: ResolvedOptions,
): { rule: string; reason: string } | undefined {
  if (!execOnly || start.kind === 'exec') return undefined;
  if (start.kind === 'shell') return NO_SHELLS;
  if (start.name !== 'sftp') return NO_SUBSYSTEM;
  return sftp.readOnly === true || sftp.allow !== undefined ? undefined : NO_FREE_SFTP;
}

/** What is to be decided, and whether the client's standard input stays away from what runs. */
export interface Asked {
  readonly input: RequestInput;
  readonly withoutInput: boolean;
}

export function requestOf(
  context: ConnectionContext,
  start: Start,
  channel: string,
  { stated: given }: Prepared,
): Asked {
  const { options, analysis, hmac } = context;
  const stated = given === undefined ? {} : { stated: given };
  if (start.kind === 'exec') {
    const found = analysis.commands.analyse(start.command, {
      kind: 'exec',
      lists: options.commands,
      execOnly: options.execOnly,
      hmac,
    });
    const input: RequestInput = {
      verb: 'exec',
      text: found.text,
      fingerprint: found.fingerprint,
      actions: found.actions,
      risk: found.risk,
      channel,
      ...stated,
      ...(found.forcedDenial === undefined ? {} : { forcedDenial: found.forcedDenial }),
    };
    return { input, withoutInput: found.withoutInput === true };
  }
  const object = start.kind === 'shell' ? 'shell' : start.name.slice(0, 256);
  const objectKind = start.kind === 'shell' ? 'program' : 'subsystem';
  const known = start.kind === 'shell' || start.name === 'sftp';
  const forcedDenial = refusalOf(start, options);
  const input: RequestInput = {
    verb: start.kind,
    text: object,
    fingerprint: `${start.kind}:${object}`,
    actions: [{ action: known ? 'execute' : 'opaque_code', objectKind, object, columns: [], whole: false }],
    risk: known ? 'low' : 'high',
    channel,
    ...stated,
    ...(forcedDenial === undefined ? {} : { forcedDenial }),
  };
  return { input, withoutInput: false };
}

/** Opens it at the target. */
export function openAtTarget(
  context: ConnectionContext,
  start: Start,
  { pty, env, agent, x11 }: Prepared,
  channel: string,
  done: OpenDone,
): void {
  const variables =
    start.kind === 'subsystem'
      ? {}
      : { ...Object.fromEntries(env), COUNTERSIGN_SESSION: context.variableOf(channel) };
  context.upstreams.open((upstream, opened) => {
    const wish = {
      env: variables,
      pty: start.kind === 'subsystem' ? undefined : pty,
      agent,
      x11,
      run: start,
    };
    openSession(upstream.client, wish, opened, (granted) => {
      if (!granted) context.log.info({}, 'a target refused X11 forwarding');
    });
  }, done);
}
