/** The target's side of one session: its logins there, what ends its processes, and what the target says was left. */
import type { Clock } from '../../../../platform/clock/clock.ts';
import type { Logger } from '../../../../platform/log/log.ts';
import { createGate } from '../channels/gate.ts';
import type { Connector } from './connector.ts';
import type { Dialled, TargetLink } from './dial.ts';
import { describeRemains, NO_MARKER, type SessionRemains } from './process-script.ts';
import { createUpstreams, type Upstream, type Upstreams } from './upstreams.ts';

/** A target that does not take its last message is not waited for longer. */
const FAREWELL_MS = 1000;
/** The target's answer about what it ended is waited for so long before the session's end is written, milliseconds. */
const REMAINS_MS = 1500;

export interface SessionTargetParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly connector: Connector;
  readonly link: TargetLink;
  /** One more login at the target, as the first one. */
  readonly dial: () => Promise<Dialled>;
  readonly sessionVariable: string;
  readonly isOver: () => boolean;
  /** Any of the logins is gone. */
  readonly onLost: () => void;
  /** One more login is there. */
  readonly onUpstream: (upstream: Upstream) => void;
}

export interface SessionTarget {
  readonly upstreams: Upstreams;
  letGo(): void;
  /** Ends what runs, and says in words what there was. */
  endProcesses(): Promise<string>;
  /** Where sshd takes no signals (root) and no variable of ours, a channel's processes end with the connection. */
  endChannel(channel: string): void;
}

export const NOT_ASKED = 'the target could not be asked what was left of the session';

export function createSessionTarget(parts: SessionTargetParts): SessionTarget {
  const { clock, connector, sessionVariable } = parts;
  const control = connector.control(parts.link.account);
  const detach = control.attach();
  const upstreamOf = (link: TargetLink): Upstream => {
    const { client } = link;
    client.on('error', () => {
      link.socket.destroy();
      parts.onLost();
    });
    client.on('close', parts.onLost);
    client.on('end', parts.onLost);
    return { link, client, gate: createGate(client, link.socket) };
  };
  const more = async (): Promise<Upstream | undefined> => {
    const dialled = await parts.dial();
    if (!dialled.ok) return undefined;
    if (parts.isOver()) {
      dialled.link.socket.destroy();
      return undefined;
    }
    const { name } = connector.connection;
    parts.log.info({ connection: name }, 'a session logged in to its target once more');
    const upstream = upstreamOf(dialled.link);
    parts.onUpstream(upstream);
    return upstream;
  };
  const upstreams = createUpstreams(upstreamOf(parts.link), more, connector.options.targetLoginsMax);
  return {
    upstreams,
    letGo() {
      for (const { client, link } of upstreams.all) {
        client.end();
        link.socket.end();
        clock.after(FAREWELL_MS, () => link.socket.destroy(), { background: true });
      }
      detach();
    },
    async endProcesses() {
      const late = clock.sleep(REMAINS_MS).then(() => 'late' as const);
      const asked = upstreams.all.map(({ link }) => control.end(link.marker, sessionVariable));
      const unasked: (SessionRemains | undefined)[] = [undefined];
      const answers = await Promise.race([Promise.all(asked), late]).catch(() => unasked);
      if (answers === 'late') return 'the target did not say in time what was left of the session';
      const known = answers.filter((remains) => remains !== undefined);
      if (known.length < answers.length) return NOT_ASKED;
      return describeRemains({
        ended: known.flatMap(({ ended }) => ended),
        found: [...new Set(known.flatMap(({ found }) => found))],
      });
    },
    endChannel(channel) {
      control.end(NO_MARKER, `${sessionVariable}.${channel}`).catch(() => undefined);
    },
  };
}
