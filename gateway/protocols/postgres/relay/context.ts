/** What both directions of a session share. */
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { Session } from '../../../sessions/session.ts';
import type { CloseReason } from '../../../../schemas/types.ts';
import type { Analyser, AnalyserSession } from '../analysis/analyser.ts';
import type { ResolvedOptions } from '../options.ts';
import type { Outlet } from '../wire/outlet.ts';
import type { Expectations } from './expectations.ts';
import type { Requests } from './requests.ts';
import type { SettingsTracker } from './settings.ts';
import type { Stated } from './stated.ts';

export interface RelayContext {
  readonly session: Session;
  readonly analyser: Analyser;
  readonly analyserSession: AnalyserSession;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly settings: SettingsTracker;
  readonly stated: Stated;
  readonly expectations: Expectations;
  readonly requests: Requests;
  /** To the target. */
  readonly upstream: Outlet;
  /** To the client. */
  readonly downstream: Outlet;
  /** The session is over: nothing may be sent any more. */
  readonly isOver: () => boolean;
  /** Ends the session with an error for the client. */
  readonly fail: (error: CountersignError, reason: CloseReason) => void;
  /** Writes what was gathered for a socket; recordings and reports are entered when it, and what other sessions have, is on its way. */
  readonly send: (outlet: Outlet) => void;
  /** Asks the target to cancel what runs; resolves when it has taken the request. */
  readonly cancelRunning: () => Promise<void>;
  /** What the client's cancel request does to a command that waits for its decision; absent where none waits. */
  cancelHold: (() => void) | undefined;
  /** Tells the client something between two messages; left out where a message is on its way. */
  readonly notify: (message: string) => void;
  /** Locks may be held in the target, or be taken by what was sent before. */
  readonly inTransaction: () => boolean;
  /** A command of a pipeline has run, and no Sync has ended its transaction yet. */
  pipelineOpen: boolean;
  readonly hmac: (secret: Uint8Array) => Buffer;
}
