/** Joins two streams until both are closed; each piece is counted as the request's, and recorded where it may be. */
import type { Channel } from 'ssh2';
import { usedUp } from '../library/buffers.ts';
import type { ConnectionContext } from './context.ts';
import type { Gate } from './gate.ts';
import { createOutflow } from './outflow.ts';
import type { RunningRequest } from './requests.ts';

export interface JoinOptions {
  /** False: neither keys nor screens nor secrets of others go into the recording, only their number and digest into the trail. */
  readonly record: boolean;
  /** Sees what goes to the client. */
  readonly watch?: (bytes: Buffer) => void;
  /** What it came to, for the trail. */
  readonly tag?: () => string;
  readonly onClosed?: () => void;
}

export function join(
  context: ConnectionContext,
  gate: Gate,
  { down, up }: { readonly down: Channel; readonly up: Channel },
  request: RunningRequest,
  options: JoinOptions,
): void {
  if (options.tag !== undefined) request.describe(options.tag);
  let recordingBusy = false;
  const record = (stream: 'in' | 'out', bytes: Buffer): void => {
    if (!options.record) return;
    if (context.session.recording.write(stream, request.id, bytes) || recordingBusy) return;
    recordingBusy = true;
    const resume = (): void => {
      recordingBusy = false;
      flow();
    };
    context.session.recording.drained().then(resume, resume);
  };
  const toDown = createOutflow(
    context.down,
    () => down,
    () => flow(),
  );
  const toUp = createOutflow(
    gate,
    () => up,
    () => flow(),
  );
  const flow = (): void => {
    for (const [source, sink] of [
      [up, toDown],
      [down, toUp],
    ] as const) {
      const stop = recordingBusy || !sink.open;
      if (stop && !source.isPaused()) source.pause();
      else if (!stop && source.isPaused()) source.resume();
    }
  };
  let open = 2;
  const closed = (of: Channel): void => {
    // The target's part is done: a client that leaves now cuts nothing off.
    if (of === up) request.settle({ status: 'ok' });
    open -= 1;
    if (open > 0) return;
    options.onClosed?.();
  };
  for (const [source, sink, stream] of [
    [up, toDown, down],
    [down, toUp, up],
  ] as const) {
    source.on('error', () => undefined);
    source.on('data', (bytes: Buffer) => {
      const broken = source === up ? request.absorb(bytes) : undefined;
      if (broken !== undefined) {
        request.settle({ status: 'cut_off', errorCode: 'SSH_CUT_OFF', errorMessage: broken });
        for (const side of [down, up]) closeChannel(side);
        return;
      }
      record(source === up ? 'out' : 'in', bytes);
      if (source === up) options.watch?.(bytes);
      if (!sink.write(stream, bytes)) flow();
      // Who watches may keep it.
      if (options.watch === undefined) sink.afterwards(() => usedUp(bytes));
    });
    source.once('end', () => {
      // Its program is gone: where the session ends now, nothing of its answer is missing.
      if (source === up) request.answered();
      sink.afterwards(() => eof(stream));
    });
    source.once('close', () => {
      sink.afterwards(() => closeChannel(stream));
      closed(source);
    });
  }
}

/** Half close, on either side of the library. */
const eof = (stream: Channel): void => (stream as unknown as { eof(): void }).eof();
const closeChannel = (stream: Channel): void => (stream as unknown as { close(): void }).close();
