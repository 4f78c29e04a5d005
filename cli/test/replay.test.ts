import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTextReplay } from '../replay/lines.ts';
import { createPostgresReplay } from '../replay/postgres.ts';

const TIME = Date.UTC(2026, 0, 5, 12, 0, 0);
const zero = (text: string): Buffer => Buffer.from(`${text}\0`);
const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const message = (type: string, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), u32(body.length + 4), body]);
};
const frame = (stream: 'in' | 'out', bytes: Buffer) => ({
  time: TIME,
  stream,
  requestId: null,
  data: bytes.toString('base64'),
});
const value = (bytes: Buffer | null): Buffer =>
  bytes === null ? u32(-1) : Buffer.concat([u32(bytes.length), bytes]);
/** Name and the format of its values; what stands between them nobody shows. */
const column = (name: string, format: number): Buffer =>
  Buffer.concat([zero(name), Buffer.alloc(16), u16(format)]);

const answer = Buffer.concat([
  message('T', u16(3), column('id', 0), column('note', 0), column('raw', 1)),
  message('D', u16(3), value(Buffer.from('7')), value(null), value(Buffer.from([1, 255]))),
  message('C', zero('SELECT 1')),
  message('Z', Buffer.from('I')),
]);
const ANSWER_LINES = [
  '12:00:00.000 < id | note | raw',
  '12:00:00.000 < 7 | NULL | \\x01ff',
  '12:00:00.000 < SELECT 1',
];

describe('cli: replay', () => {
  it('reads statements, rows and ends', () => {
    const replay = createPostgresReplay();
    assert.deepEqual(replay.take(frame('in', message('Q', zero('select *\nfrom t')))), [
      `12:00:00.000 > select *\n${' '.repeat(15)}from t`,
    ]);
    assert.deepEqual(replay.take(frame('out', answer)), ANSWER_LINES);
  });

  it('puts messages together whatever the frames', () => {
    for (let cut = 1; cut < answer.length; cut += 1) {
      const replay = createPostgresReplay();
      const lines = [
        ...replay.take(frame('out', answer.subarray(0, cut))),
        ...replay.take(frame('out', answer.subarray(cut))),
      ];
      assert.deepEqual(lines, ANSWER_LINES, `cut at ${cut}`);
    }
  });

  it('reads the extended protocol, errors and the end', () => {
    const replay = createPostgresReplay();
    const bind = message(
      'B',
      zero(''),
      zero(''),
      u16(2),
      u16(0),
      u16(1),
      u16(2),
      value(Buffer.from('x')),
      value(Buffer.from([255])),
      u16(0),
    );
    const prepared = Buffer.concat([message('P', zero('s'), zero('select $1, $2'), u16(0)), bind]);
    assert.deepEqual(replay.take(frame('in', prepared)), [
      '12:00:00.000 > prepare select $1, $2',
      '12:00:00.000 > with x, \\xff',
    ]);
    const error = message('E', zero('SERROR'), zero('C42P01'), zero('Mno such table'), Buffer.alloc(1));
    assert.deepEqual(replay.take(frame('out', error)), ['12:00:00.000 < ERROR 42P01: no such table']);
    assert.deepEqual(replay.take(frame('in', message('X'))), ['12:00:00.000 > ends the session']);
  });

  it('says what is missing and goes on; what could steer a terminal does not', () => {
    const replay = createPostgresReplay();
    replay.take(frame('out', answer.subarray(0, 20)));
    assert.deepEqual(
      replay.take({ time: TIME, stream: 'problem', requestId: null, data: 'chunk 2 is corrupt' }),
      ['12:00:00.000 ! chunk 2 is corrupt'],
    );
    assert.deepEqual(replay.take(frame('out', answer)), ANSWER_LINES);
    const nasty = message('Q', zero('select \u001b[2J\u009b1m'));
    assert.deepEqual(replay.take(frame('in', nasty)), ['12:00:00.000 > select  [2J 1m']);
    assert.deepEqual(replay.take(frame('in', Buffer.from('garbage that is no message'))), []);
    assert.deepEqual(createTextReplay().take(frame('in', Buffer.from('GET /\r\n'))), [
      '12:00:00.000 > GET /',
    ]);
  });
});
