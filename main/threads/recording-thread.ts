/** Seals and writes recordings on a thread of its own: the disk and the ciphers hold up no session. */
import { parentPort, workerData } from 'node:worker_threads';
import { createChunkWriter } from '../../gateway/recording/chunk-writer.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import type { Logger } from '../../platform/log/log.ts';
import { createFolderRecordingStore } from '../../platform/recording-store/folder/folder-recording-store.ts';
import type { FromRecordingThread, RecordingThreadData, ToRecordingThread } from './recording-messages.ts';

const { local, store: storeConfig } = workerData as RecordingThreadData;
const port = parentPort!;
const say = (message: FromRecordingThread): void => port.postMessage(message);

/** Errors cross as text. */
const plain = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
const tell =
  (level: 'debug' | 'info' | 'warn' | 'error') =>
  (fields: object, text: string): void =>
    say({ log: level, fields: plain(fields), text });
const log: Logger = {
  debug: tell('debug'),
  info: tell('info'),
  warn: tell('warn'),
  error: tell('error'),
  child: () => log,
};

const disk = createNodeDisk();
const store = createFolderRecordingStore({ disk, log }, storeConfig);
const writer = createChunkWriter(
  { store, disk, log, clock: createSystemClock(), random: createSystemRandom() },
  local,
);

const answer = (id: number, work: Promise<void>): void => {
  const done = (): void => say({ done: id, localBytes: writer.localBytes() });
  work.then(done, (error: unknown) => {
    log.error({ error }, 'a recording could not be written');
    done();
  });
};
port.on('message', (message: ToRecordingThread) => {
  switch (message.do) {
    case 'begin':
      writer.begin(
        message.recordingId,
        { key: Buffer.from(message.key), wrapped: Buffer.from(message.wrapped) },
        message.index,
      );
      break;
    case 'start':
      writer.start();
      break;
    case 'write': {
      const { id, recordingId, last, frames, length } = message;
      const bytes =
        frames instanceof SharedArrayBuffer ? Buffer.from(frames, 0, length) : Buffer.from(frames);
      answer(id, writer.write(recordingId, bytes, last));
      break;
    }
    case 'end':
      writer.end(message.recordingId);
      break;
    case 'stop':
      answer(
        message.id,
        writer.stop().then(() => store.close()),
      );
      break;
  }
});
