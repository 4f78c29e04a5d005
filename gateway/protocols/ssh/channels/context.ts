/** What all channels of one connection share. */
import type { Connection } from 'ssh2';
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import type { Session } from '../../../sessions/session.ts';
import type { SshAnalysis } from '../analysis.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Upstreams } from '../target/upstreams.ts';
import type { Borrowed } from './borrowed.ts';
import type { Gate } from './gate.ts';
import type { Requests } from './requests.ts';
import type { Stated } from './start.ts';

/** What a certificate allows of what the connection allows; all of it where the login was by something else. */
export interface Permits {
  readonly pty: boolean;
  readonly forwarding: boolean;
  readonly agentForwarding: boolean;
  readonly x11Forwarding: boolean;
  /** Runs in place of whatever is asked for. */
  readonly forceCommand: string | null;
}

export interface ConnectionContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly session: Session;
  readonly requests: Requests;
  readonly analysis: SshAnalysis;
  readonly options: ResolvedOptions;
  readonly permits: Permits;
  /** Why the client came, where it was asked at the login. */
  readonly stated: Stated | undefined;
  /** The client's side and the target's. */
  readonly connection: Connection;
  readonly upstreams: Upstreams;
  readonly down: Gate;
  /** What a session may lend to the target, since one was allowed to. */
  readonly granted: Set<Borrowed>;
  /** Set in the environment of what runs on a channel, where the target takes it. */
  variableOf(channel: string): string;
  /** A client has closed a channel on which something ran: ends what that left. */
  endChannel(channel: string): void;
  readonly hmac: (secret: string) => Buffer;
  readonly isOver: () => boolean;
}
