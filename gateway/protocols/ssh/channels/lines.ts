/** Decides command lines of shells, one after the other: each is a request that ends when the next one begins. */
import type { RequestInput } from '../../../sessions/session.ts';
import type { CommandLists, TerminalLine } from '../analysis.ts';
import type { ConnectionContext } from './context.ts';
import { denialText, type RunningRequest } from './requests.ts';
import type { Stated } from './start.ts';

/** Whether lines are held against lists here, so that what is decided must be what runs. */
export const hasLists = ({ allow, deny }: CommandLists): boolean =>
  allow !== undefined || (deny !== undefined && deny.length > 0);

const UNSEEN = {
  rule: 'ssh-line-unseen',
  reason: 'the screen does not show the line that was typed; type it again',
};

export interface LineParts {
  readonly stated: Stated | undefined;
  readonly tell: (text: string) => void;
}

export interface Lines {
  /** Undefined: the line may go; else what the client is told. */
  decide(line: TerminalLine): Promise<string | undefined>;
  /** A text: a limit is broken, and this must not go on. */
  absorb(bytes: Buffer): string | undefined;
  /** The client does not wait any more for the line that is held. */
  giveUp(): void;
  close(): void;
}

/** `stated`: why the client does it; `tell`: a line for the client while it waits. */
export function createLines(context: ConnectionContext, channel: string, { stated, tell }: LineParts): Lines {
  let abandon: (() => void) | undefined;
  let running: RunningRequest | undefined;
  const settle = (): void => {
    running?.settle({ status: 'ok' });
    running = undefined;
  };
  const inputOf = (line: TerminalLine): RequestInput => {
    const { options, hmac, analysis } = context;
    const found = analysis.commands.analyse(line.text, {
      kind: 'line',
      lists: options.commands,
      execOnly: options.execOnly,
      hmac,
    });
    const forcedDenial =
      found.forcedDenial ?? (line.unseen === true && hasLists(options.commands) ? UNSEEN : undefined);
    return {
      verb: line.context === 'program' ? 'input' : 'line',
      text: line.certain ? found.text : `${found.text} [uncertain: rebuilt from the screen]`,
      fingerprint: found.fingerprint,
      actions: found.actions,
      risk: found.risk,
      channel,
      notify: (message) => tell(`countersign: ${message}`),
      ...(stated === undefined ? {} : { stated }),
      ...(forcedDenial === undefined ? {} : { forcedDenial }),
    };
  };
  return {
    async decide(line) {
      // What is typed without echo is a secret, and a full-screen program has no lines.
      if (line.context === 'secret' || line.context === 'screen' || line.text.trim() === '') return undefined;
      settle();
      const ruling = await context.requests.judge(inputOf(line), (giveUp) => {
        abandon = giveUp;
      });
      abandon = undefined;
      if (!ruling.allowed) return denialText(ruling.denial);
      running = ruling.request;
      return undefined;
    },
    absorb: (bytes) => running?.absorb(bytes),
    giveUp: () => abandon?.(),
    close: settle,
  };
}
