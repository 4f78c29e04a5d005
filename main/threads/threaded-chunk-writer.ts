/**
 * A ChunkWriter whose work is done on a thread of its own. When that thread dies, a new one takes up what is in the folder, and the
 * pieces that were under way are written again, in a chunk of their own.
 */
import { Worker } from 'node:worker_threads';
import type { ChunkWriter } from '../../gateway/recording/chunk-writer.ts';
import type { RecordingKey } from '../../gateway/recording/recording-frame.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import {
  SHARED_BYTES_MIN,
  type FromRecordingThread,
  type RecordingThreadData,
  type ToRecordingThread,
} from './recording-messages.ts';

/** Room for a piece of the largest size and the heads of its frames. */
const ROOM_BYTES = 320 * 1024;
/** Rooms that wait for the next piece; more sessions at a time make their own. */
const SPARE_MAX = 32;
const RESTART_MS = 1000;
/** Run from its source, or built. */
const module = new URL(
  `./recording-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`,
  import.meta.url,
);

interface UnderWay {
  readonly message: ToRecordingThread;
  readonly done: () => void;
}

interface Going {
  readonly key: RecordingKey;
  /** Index of the chunk that is written. */
  index: number;
}

export function createThreadedChunkWriter(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  data: RecordingThreadData,
): ChunkWriter {
  const goingOn = new Map<string, Going>();
  const underWay = new Map<number, UnderWay>();
  const spareMax: SharedArrayBuffer[] = [];
  let lastId = 0;
  let localBytes = 0;
  let worker: Worker | undefined;
  let stopped = false;

  const post = (message: ToRecordingThread): void => worker?.postMessage(message);
  const launch = (): void => {
    const own = new Worker(module, {
      name: 'countersign-recording',
      workerData: data,
      // No flags of the process: some of them (--test, --input-type) are none for a thread and would end it.
      execArgv: [],
    });
    worker = own;
    own.on('message', (message: FromRecordingThread) => {
      if ('log' in message) {
        log[message.log](message.fields, message.text);
        return;
      }
      localBytes = message.localBytes;
      const work = underWay.get(message.done);
      underWay.delete(message.done);
      work?.done();
    });
    own.on('error', (error: Error) => log.error({ error }, 'the thread that writes recordings failed'));
    own.once('exit', () => {
      if (worker !== own) return;
      worker = undefined;
      if (stopped) {
        for (const { done } of underWay.values()) done();
        underWay.clear();
        return;
      }
      log.error({}, 'the thread that writes recordings was lost; starting it again');
      clock.after(RESTART_MS, relaunch, { background: true });
    });
    own.unref();
  };
  const relaunch = (): void => {
    if (stopped || worker !== undefined) return;
    launch();
    // Behind all that the lost thread may have begun.
    for (const [recordingId, going] of goingOn) {
      going.index += 1;
      post({ do: 'begin', recordingId, ...going.key, index: going.index });
    }
    post({ do: 'start' });
    for (const { message } of underWay.values()) {
      if (message.do === 'write' && message.last) count(message.recordingId);
      post(message);
    }
  };
  /** A chunk has ended: the next one has the next index. */
  const count = (recordingId: string): void => {
    const going = goingOn.get(recordingId);
    if (going !== undefined) going.index += 1;
  };
  const ask = (make: (id: number) => ToRecordingThread, after: () => void = () => undefined): Promise<void> =>
    new Promise((resolve) => {
      lastId += 1;
      const done = (): void => {
        after();
        resolve();
      };
      const message = make(lastId);
      underWay.set(lastId, { message, done });
      post(message);
    });
  const write = (recordingId: string, frames: Buffer, last: boolean): Promise<void> => {
    const { length } = frames;
    const head = { do: 'write', recordingId, last, length } as const;
    if (last) count(recordingId);
    if (length < SHARED_BYTES_MIN || length > ROOM_BYTES)
      return ask((id) => ({ ...head, id, frames: Buffer.from(frames) }));
    const room = spareMax.pop() ?? new SharedArrayBuffer(ROOM_BYTES);
    new Uint8Array(room).set(frames);
    return ask(
      (id) => ({ ...head, id, frames: room }),
      () => {
        if (spareMax.length < SPARE_MAX) spareMax.push(room);
      },
    );
  };
  return {
    start() {
      launch();
      post({ do: 'start' });
    },
    begin(recordingId, key, index = 0) {
      goingOn.set(recordingId, { key, index });
      post({ do: 'begin', recordingId, ...key, index });
    },
    write,
    end(recordingId) {
      goingOn.delete(recordingId);
      post({ do: 'end', recordingId });
    },
    localBytes: () => localBytes,
    async stop() {
      // It has been waiting for work without keeping the process alive.
      worker?.ref();
      if (worker !== undefined) await ask((id) => ({ do: 'stop', id }));
      stopped = true;
      await worker?.terminate();
    },
  };
}
