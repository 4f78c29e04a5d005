import type { ConnectionContext } from './context.ts';
import { createNoInput, createPlainInput, type ChannelInput, type InputSinks } from './input.ts';
import { createPipedInput } from './piped-input.ts';
import { createSftpInput } from './sftp-input.ts';
import type { Prepared, Start } from './start.ts';
import { createTypedInput } from './typed-input.ts';

/** What happens with a client's bytes, by what runs on the channel. */
export function makeInput(
  context: ConnectionContext,
  of: {
    readonly channel: string;
    readonly start: Start;
    readonly prepared: Prepared;
    readonly withoutInput: boolean;
  },
  sinks: InputSinks,
): ChannelInput {
  const { channel, start, withoutInput } = of;
  const { pty, stated } = of.prepared;
  if (start.kind === 'subsystem' && start.name === 'sftp') return createSftpInput(context, channel, sinks);
  if (pty !== undefined) {
    const size = { columns: pty.cols || 80, rows: pty.rows || 24 };
    return createTypedInput(context, channel, { size, stated }, sinks);
  }
  if (start.kind === 'shell') return createPipedInput(context, channel, stated, sinks);
  return withoutInput ? createNoInput(sinks) : createPlainInput(sinks);
}
