/** A shell without a terminal reads its commands from a pipe: each whole line is decided before the shell gets it. */
import type { ConnectionContext } from './context.ts';
import type { ChannelInput, InputSinks } from './input.ts';
import { createLines } from './lines.ts';
import type { Stated } from './start.ts';

const NEWLINE = 10;
/** A longer line is cut here and decided in parts: the analysis looks at no more anyway. */
const LINE_BYTES_MAX = 64 * 1024;

export function createPipedInput(
  context: ConnectionContext,
  channel: string,
  stated: Stated | undefined,
  sinks: InputSinks,
): ChannelInput {
  const lines = createLines(context, channel, { stated, tell: (text) => sinks.tellClient(text) });
  let rest: Buffer = Buffer.alloc(0);
  const decide = async (line: Buffer): Promise<void> => {
    const text = line.toString('utf8').replace(/\r?\n$/, '');
    const denied = await lines.decide({ text, context: 'shell', certain: true });
    if (context.isOver()) return;
    if (denied === undefined) sinks.toTarget(line);
    else sinks.tellClient(denied);
  };
  return {
    async feed(bytes) {
      sinks.record(bytes);
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (;;) {
        const end = rest.indexOf(NEWLINE) + 1;
        if (end === 0 && rest.length < LINE_BYTES_MAX) return;
        const cut = end === 0 ? LINE_BYTES_MAX : end;
        const line = rest.subarray(0, cut);
        rest = rest.subarray(cut);
        await decide(line);
        if (context.isOver()) return;
      }
    },
    async end() {
      const line = rest;
      rest = Buffer.alloc(0);
      if (line.length > 0) await decide(line);
    },
    output(bytes) {
      const broken = lines.absorb(bytes);
      if (broken === undefined) return [bytes];
      sinks.cutOff(broken);
      return [];
    },
    close: () => lines.close(),
  };
}
