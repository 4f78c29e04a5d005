/** Recordings on their own thread: nothing that was taken is lost, also when the thread dies in the middle. */
import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { seal, unseal } from '../../gateway/credentials/sealed.ts';
import { createRecordings, readRecording } from '../../gateway/recording/recordings.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createFolderRecordingStore } from '../../platform/recording-store/folder/folder-recording-store.ts';
import { createThreadedChunkWriter } from '../threads/threaded-chunk-writer.ts';

const clock = createSystemClock();
const random = createSystemRandom();
const vaultKey = Buffer.alloc(32, 5);
const wrapper = {
  wrap: (context: string, key: Buffer) => seal(vaultKey, Buffer.from(random.bytes(12)), context, key),
  unwrap: (context: string, wrapped: Buffer) => unseal(vaultKey, context, wrapped),
};
/** One a frame, of 20 KB: through shared memory, several to a piece. */
const LINES = 600;
const line = (number: number): Buffer => Buffer.from(`${number};`.padEnd(20_000, '.'));

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-test-recording-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Records LINES lines; `during` is called with the number of each. */
async function record(
  name: string,
  during: (number: number) => void,
): Promise<{ numbers: number[]; complete: boolean }> {
  const local = join(folder, name, 'local');
  mkdirSync(local, { recursive: true });
  const storeConfig = { folder: join(folder, name, 'store'), chunkBytesMax: 16_777_216 };
  const writer = createThreadedChunkWriter(
    { clock, log: silentLogger },
    { local: { recordingFolder: local, recordingLocalBytesMax: 1e9 }, store: storeConfig },
  );
  const recordings = createRecordings(
    { clock, random, wrapper, writer },
    { recordingAheadBytesMax: 262_144, recordingLocalBytesMax: 1e9 },
  );
  recordings.start();
  const id = random.uuidv7(clock.now());
  const { sink, close } = recordings.begin(id);
  for (let number = 0; number < LINES; number += 1) {
    during(number);
    if (!sink.write('out', null, line(number))) await sink.drained();
  }
  close();
  const store = createFolderRecordingStore({ disk: createNodeDisk(), log: silentLogger }, storeConfig);
  while ((await store.getManifest(id)) === undefined) await clock.sleep(20);
  await recordings.stop();
  assert.deepEqual(readdirSync(local), []);
  const numbers: number[] = [];
  for await (const item of readRecording({ store, wrapper }, id))
    if (item.kind === 'frame') {
      const number = Number.parseInt(item.frame.bytes.toString('latin1', 0, 8), 10);
      assert.ok(item.frame.bytes.equals(line(number)));
      numbers.push(number);
    }
  const { complete } = JSON.parse((await store.getManifest(id))!.toString()) as { complete: boolean };
  await store.close();
  return { numbers, complete };
}

test('all that was recorded is there, in order', async () => {
  const { numbers, complete } = await record('calm', () => undefined);
  assert.deepEqual(
    numbers,
    Array.from({ length: LINES }, (_, number) => number),
  );
  assert.equal(complete, true);
});

test('a thread that dies is followed by another: what was under way is written again', async () => {
  let thread: Worker | undefined;
  let died = 0;
  const onThread = (message: unknown): void => {
    thread = (message as { worker: Worker }).worker;
  };
  diagnostics.subscribe('worker_threads', onThread);
  try {
    const { numbers, complete } = await record('dying', (number) => {
      if (number !== 200 && number !== 400) return;
      died += 1;
      thread!.terminate().catch(() => undefined);
    });
    assert.equal(died, 2);
    assert.deepEqual(
      [...new Set(numbers)].sort((a, b) => a - b),
      Array.from({ length: LINES }, (_, number) => number),
    );
    assert.equal(complete, true);
  } finally {
    diagnostics.unsubscribe('worker_threads', onThread);
  }
});
