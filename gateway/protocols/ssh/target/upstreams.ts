/**
 * The logins of one session at its target: one, and further ones where the target takes no more channels on it (MaxSessions), up to
 * a bound. Forwards stay on the first.
 */
import type { Client, ClientChannel } from 'ssh2';
import type { Gate } from '../channels/gate.ts';
import { NoRoom } from '../library/open-session.ts';
import type { TargetLink } from './dial.ts';

export interface Upstream {
  readonly link: TargetLink;
  readonly client: Client;
  readonly gate: Gate;
}

export type OpenDone = (error: Error | undefined, channel?: ClientChannel, upstream?: Upstream) => void;

export interface Upstreams {
  readonly first: Upstream;
  readonly all: readonly Upstream[];
  /** Opens a channel where there is room for it; logs in once more where there is none. */
  open(
    open: (upstream: Upstream, done: (error: Error | undefined, channel?: ClientChannel) => void) => void,
    done: OpenDone,
  ): void;
}

/** `more` logs in once more; undefined: it cannot be, or the session is over. */
export function createUpstreams(
  first: Upstream,
  more: () => Promise<Upstream | undefined>,
  most: number,
): Upstreams {
  const all = [first];
  let opening: Promise<void> | undefined;
  /** One login at a time, for all channels that wait. */
  const add = (): Promise<void> =>
    (opening ??= more()
      .then((upstream) => {
        if (upstream !== undefined) all.push(upstream);
      })
      .finally(() => {
        opening = undefined;
      }));
  const openAt = (
    index: number,
    open: Parameters<Upstreams['open']>[0],
    refused: Error,
    done: OpenDone,
  ): void => {
    const upstream = all[index];
    if (upstream !== undefined) {
      try {
        open(upstream, (error, channel) => {
          if (error instanceof NoRoom) openAt(index + 1, open, error, done);
          else done(error, channel, upstream);
        });
      } catch (error) {
        // The target is gone already.
        done(error as Error);
      }
      return;
    }
    if (all.length >= most) {
      done(refused);
      return;
    }
    const goOn = (): void => {
      if (all[index] === undefined) done(refused);
      else openAt(index, open, refused, done);
    };
    add().then(goOn, goOn);
  };
  return {
    first,
    all,
    open: (open, done) => openAt(0, open, new Error('no channel'), done),
  };
}
