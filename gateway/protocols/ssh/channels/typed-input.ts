/** Keys on a terminal: they pass as they come, so that the target echoes them; what submits a line waits for its decision. */
import type { TerminalInput, TerminalLine } from '../analysis.ts';
import type { ConnectionContext } from './context.ts';
import type { ChannelInput, InputSinks } from './input.ts';
import { createLines, hasLists } from './lines.ts';
import type { Stated } from './start.ts';

/** Keys without a line's end that are recorded at the latest after so many bytes. */
const UNRECORDED_BYTES_MAX = 4096;
const SECRET = Buffer.from('[not recorded: typed without echo]\r');

/** Ctrl-C: who waits for a decision gives it up. */
const INTERRUPT = 3;

export interface TypedInputOptions {
  readonly size: { readonly columns: number; readonly rows: number };
  readonly stated: Stated | undefined;
}

export function createTypedInput(
  context: ConnectionContext,
  channel: string,
  { size, stated }: TypedInputOptions,
  sinks: InputSinks,
): ChannelInput {
  const terminal = context.analysis.createTerminalLines(
    { clock: context.clock },
    { ...size, strict: hasLists(context.options.commands) },
  );
  const lines = createLines(context, channel, { stated, tell: (text) => sinks.tellClient(text) });
  sinks.recordSize(size.columns, size.rows);
  let unrecordedBytes = 0;
  let unrecordedMax: Buffer[] = [];
  const record = (): void => {
    if (unrecordedBytes > 0) sinks.record(Buffer.concat(unrecordedMax));
    unrecordedMax = [];
    unrecordedBytes = 0;
  };
  const keep = (bytes: Buffer): void => {
    unrecordedMax.push(bytes);
    unrecordedBytes += bytes.length;
    if (unrecordedBytes > UNRECORDED_BYTES_MAX) record();
  };
  const submit = async (bytes: Buffer, typed: TerminalLine): Promise<void> => {
    if (typed.context === 'secret') {
      unrecordedMax = [SECRET];
      unrecordedBytes = SECRET.length;
    } else keep(bytes);
    record();
    const denied = await lines.decide(typed);
    if (context.isOver()) return;
    if (denied === undefined) {
      sinks.toTarget(bytes);
      return;
    }
    sinks.toTarget(terminal.discard);
    // The target erases the line first; what is said then stands below it, and the prompt below that.
    await terminal.settled?.();
    if (context.isOver()) return;
    sinks.tellClient(denied, terminal.prompt);
  };
  const feed = async (steps: readonly TerminalInput[]): Promise<void> => {
    for (const step of steps) {
      if (context.isOver()) return;
      if (step.kind === 'submit') await submit(step.bytes, await step.line((bytes) => sinks.toTarget(bytes)));
      else if (step.kind === 'wait') await step.ready((bytes) => sinks.toTarget(bytes));
      else {
        keep(step.bytes);
        sinks.toTarget(step.bytes);
      }
    }
  };
  return {
    feed(bytes) {
      const steps = terminal.input(bytes);
      if (steps.some(({ kind }) => kind !== 'pass')) return feed(steps);
      for (const step of steps)
        if (step.kind === 'pass') {
          keep(step.bytes);
          sinks.toTarget(step.bytes);
        }
      return undefined;
    },
    ahead(bytes) {
      if (bytes.includes(INTERRUPT)) lines.giveUp();
    },
    end: () => undefined,
    keepsOutput: true,
    output(bytes) {
      const broken = lines.absorb(bytes);
      if (broken !== undefined) {
        sinks.cutOff(broken);
        return [];
      }
      terminal.output(bytes);
      return [bytes];
    },
    resize(columns, rows) {
      sinks.recordSize(columns, rows);
      terminal.resize(columns, rows);
    },
    close() {
      record();
      lines.close();
      terminal.close();
    },
  };
}
