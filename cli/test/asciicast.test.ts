import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCast } from '../replay/asciicast.ts';

const frame = (time: number, stream: string, text: string | Buffer, requestId: string | null = 'one') => ({
  time,
  stream,
  requestId,
  data: Buffer.from(text).toString('base64'),
});

describe('asciicast', () => {
  it('has a header with the size, then intervals, keys, screen and changes of the size of one terminal', () => {
    const cast = createCast(undefined);
    const euro = Buffer.from('\u20ac');
    const lines = [
      frame(5000, 'size', '100x30'),
      frame(5250, 'in', 'ls'),
      frame(5300, 'out', 'other', 'two'),
      frame(5500, 'out', euro.subarray(0, 1)),
      frame(6000, 'out', euro.subarray(1)),
      frame(6100, 'size', '120x40'),
    ].flatMap((one) => cast.take(one));
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      [
        { version: 3, term: { cols: 100, rows: 30 }, timestamp: 5 },
        [0.25, 'i', 'ls'],
        [0.75, 'o', '\u20ac'],
        [0.1, 'r', '120x40'],
      ],
    );
  });

  it('of a chosen request takes that one only', () => {
    const cast = createCast('two');
    assert.deepEqual(cast.take(frame(1, 'out', 'x')), []);
    assert.equal(cast.take(frame(2000, 'out', 'y', 'two')).length, 2);
  });
});
