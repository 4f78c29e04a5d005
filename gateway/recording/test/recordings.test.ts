import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../platform/disk/simulated-disk.ts';
import { createFolderRecordingStore } from '../../../platform/recording-store/folder/folder-recording-store.ts';
import type { RecordingStore } from '../../../platform/recording-store/recording-store.ts';
import { seal, unseal } from '../../credentials/sealed.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createChunkWriter } from '../chunk-writer.ts';
import { createRecordings, readRecording, type ReplayItem } from '../recordings.ts';

const AHEAD = 32_768;
const random = createSeededRandom(8);
const vaultKey = Buffer.alloc(32, 3);
const wrapper = {
  wrap: (context: string, key: Buffer) => seal(vaultKey, Buffer.from(random.bytes(12)), context, key),
  unwrap: (context: string, wrapped: Buffer) => unseal(vaultKey, context, wrapped),
};

function setUp() {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random });
  const inner = createFolderRecordingStore(
    { disk, log: silentLogger },
    {
      folder: '/store',
      chunkBytesMax: 1_048_576,
    },
  );
  let away = false;
  const store: RecordingStore = {
    ...inner,
    putChunk: (...args) => (away ? Promise.reject(new Error('away')) : inner.putChunk(...args)),
    adoptChunk: (...args) => (away ? Promise.reject(new Error('away')) : inner.adoptChunk!(...args)),
  };
  const config = {
    recordingFolder: '/local',
    recordingAheadBytesMax: AHEAD,
    recordingLocalBytesMax: 1_048_576,
  };
  const create = () => {
    const writer = createChunkWriter({ store, disk, clock, log: silentLogger, random }, config);
    return createRecordings({ clock, random, wrapper, writer }, config);
  };
  /** Lets everything go on that can, with time passing. */
  const settle = async (done: () => boolean | Promise<boolean>): Promise<void> => {
    for (let turn = 0; turn < 400; turn += 1) {
      if (await done()) return;
      for (let micro = 0; micro < 50; micro += 1) await Promise.resolve();
      clock.advance(100);
    }
    assert.fail('it did not come to that');
  };
  const setAway = (now: boolean): void => {
    away = now;
  };
  return { clock, disk, store, create, settle, setAway };
}
const replay = async (store: RecordingStore, id: string): Promise<ReplayItem[]> => {
  const items: ReplayItem[] = [];
  for await (const item of readRecording({ store, wrapper }, id)) items.push(item);
  return items;
};
const textOf = (items: readonly ReplayItem[], stream: 'in' | 'out'): string =>
  items
    .map((item) => (item.kind === 'frame' && item.frame.stream === stream ? item.frame.bytes.toString() : ''))
    .join('');

test('what was recorded is replayed, encrypted at rest, and the local copy goes', async () => {
  const { clock, disk, store, create, settle } = setUp();
  const recordings = create();
  recordings.start();
  const id = random.uuidv7(clock.now());
  const { sink, close } = recordings.begin(id);
  const started = clock.now();
  assert.ok(sink.write('in', 'r1', Buffer.from('select secret_thing')));
  clock.advance(500);
  assert.ok(sink.write('out', 'r1', Buffer.from('answer')));
  close();
  await settle(async () => (await store.getManifest(id)) !== undefined);
  const items = await replay(store, id);
  assert.equal(textOf(items, 'in'), 'select secret_thing');
  assert.equal(textOf(items, 'out'), 'answer');
  assert.deepEqual(
    items.map((item) => item.kind === 'frame' && item.frame.time - started),
    [0, 500],
  );
  const chunk = await store.getChunk(id, 0);
  assert.ok(chunk.ok && !chunk.bytes.includes('secret_thing'));
  await settle(() => disk.list('/local').length === 0);
  assert.equal(recordings.localBytes(), 0);
});

test('answers wait when the recording cannot keep up, and go on when it can', async () => {
  const { disk, clock, store, create, settle } = setUp();
  const recordings = create();
  recordings.start();
  const id = random.uuidv7(clock.now());
  const { sink, close } = recordings.begin(id);
  disk.setCapacity(disk.usedBytes());
  let written = 0;
  while (sink.write('out', null, Buffer.alloc(4096, 'x'))) written += 4096;
  assert.ok(written >= AHEAD - 8192 && written <= AHEAD);
  let drained = false;
  const waiting = sink.drained().then(() => {
    drained = true;
  });
  clock.advance(1000);
  await Promise.resolve();
  assert.ok(!drained);
  disk.setCapacity(1e9);
  await settle(() => drained);
  await waiting;
  close();
  await settle(async () => (await store.getManifest(id)) !== undefined);
  assert.equal(textOf(await replay(store, id), 'out').length, written + 4096);
});

test('a store that is away is waited for; a crash in between loses only what was not in the folder', async () => {
  const { disk, clock, store, create, settle, setAway } = setUp();
  const first = create();
  first.start();
  const id = random.uuidv7(clock.now());
  const { sink } = first.begin(id);
  setAway(true);
  sink.write('out', null, Buffer.from('before the crash'));
  clock.advance(1000);
  await settle(() => first.localBytes() > 0);
  disk.crash('kill');
  const second = create();
  setAway(false);
  second.start();
  await settle(async () => (await store.getManifest(id)) !== undefined);
  assert.equal(textOf(await replay(store, id), 'out'), 'before the crash');
  const manifest = JSON.parse((await store.getManifest(id))!.toString()) as { complete: boolean };
  assert.equal(manifest.complete, false);
});

test('a recording that is not there is said; a foreign chunk is a problem, not an end', async () => {
  const { clock, store, create, settle } = setUp();
  await assert.rejects(replay(store, random.uuidv7(clock.now())), { code: 'RECORDING_ABSENT' });
  const recordings = create();
  recordings.start();
  const [a, b] = [random.uuidv7(clock.now()), random.uuidv7(clock.now())];
  const handle = recordings.begin(a);
  handle.sink.write('out', null, Buffer.from('x'));
  handle.close();
  await settle(async () => (await store.getManifest(a)) !== undefined);
  const chunk = await store.getChunk(a, 0);
  assert.ok(chunk.ok);
  await store.putChunk(b, 0, chunk.bytes);
  assert.deepEqual(
    (await replay(store, b)).map(({ kind }) => kind),
    ['problem'],
  );
});

test('a chunk is written in pieces, and goes to the store when it is due; what a crash leaves of it is replayed up to its last whole piece', async () => {
  const { disk, clock, store, create, settle } = setUp();
  const first = create();
  first.start();
  const [whole, torn] = [random.uuidv7(clock.now()), random.uuidv7(clock.now())];
  const lines = (from: number): string[] =>
    Array.from({ length: 40 }, (_, at) => `${from + at};`.padEnd(1000, '.'));
  const write = async (id: string): Promise<void> => {
    const { sink } = first.begin(id);
    for (const line of lines(0)) {
      if (!sink.write('out', null, Buffer.from(line))) await sink.drained();
    }
  };
  await write(whole);
  clock.advance(1000);
  await settle(async () => (await store.chunks(whole)).length > 0);
  assert.deepEqual(
    (await store.chunks(whole)).map(({ index }) => index),
    [0],
  );
  assert.equal(textOf(await replay(store, whole), 'out'), lines(0).join(''));

  await write(torn);
  const [part] = disk.list(`/local/${torn}`);
  assert.match(part!, /\.part$/);
  const file = disk.open(`/local/${torn}/${part!}`);
  file.append(Buffer.from('0000ffff00', 'hex'));
  file.close();
  disk.crash('kill');
  const second = create();
  second.start();
  await settle(async () => (await store.getManifest(torn)) !== undefined);
  const items = await replay(store, torn);
  assert.ok(items.every(({ kind }) => kind === 'frame'));
  const text = textOf(items, 'out');
  assert.ok(text.length >= 40_000 - AHEAD, `${text.length} bytes`);
  assert.ok(lines(0).join('').startsWith(text));
});
