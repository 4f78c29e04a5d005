import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkFrame, decodeFrame, encodeFrames, findFrame, frameBytes } from '../frame.ts';
import { murmur2, partitionFor } from '../partitioner.ts';

const BYTES_MAX = 1 << 20;
const content = fc.record({
  offset: fc.nat({ max: 2 ** 48 - 1 }),
  timestamp: fc.nat({ max: 2 ** 48 - 1 }),
  key: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })),
  value: fc.option(fc.uint8Array({ maxLength: 200 })),
  headers: fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ unit: 'grapheme', maxLength: 20 }), {
    noNullPrototype: true,
    maxKeys: 4,
  }),
});

describe('frames', () => {
  it('give back what went in, one after the other', () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 10 }), fc.nat(), (contents, salt) => {
        const { bytes, starts } = encodeFrames(contents, salt);
        assert.equal(
          bytes.length,
          contents.reduce((sum, one) => sum + frameBytes(one), 0),
        );
        for (const [index, one] of contents.entries()) {
          const check = checkFrame(bytes, starts[index]!, BYTES_MAX, salt);
          assert.equal(check.kind, 'whole');
          const read = decodeFrame(bytes, starts[index]!, 't', 3);
          assert.deepEqual(
            { ...read, headers: { ...read.headers }, value: read.value === null ? null : [...read.value] },
            { ...one, topic: 't', partition: 3, value: one.value === null ? null : [...one.value] },
          );
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('never pass with a byte changed, cut short, or under another salt', () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, where, flip) => {
        const { bytes } = encodeFrames([one], 5);
        assert.notEqual(checkFrame(bytes, 0, BYTES_MAX, 6).kind, 'whole');
        assert.notEqual(checkFrame(bytes.subarray(0, where % bytes.length), 0, BYTES_MAX, 5).kind, 'whole');
        bytes[where % bytes.length]! ^= flip;
        assert.notEqual(checkFrame(bytes, 0, BYTES_MAX, 5).kind, 'whole');
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('are found again behind garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), content, (garbage, one) => {
        const { bytes } = encodeFrames([{ ...one, offset: 7 }], 5);
        const all = Buffer.concat([garbage, bytes]);
        const bounds = { offsetMin: 7, offsetMax: 8, frameBytesMax: BYTES_MAX };
        assert.equal(findFrame(all, 0, bounds, 5), garbage.length);
        assert.equal(findFrame(all, 0, { ...bounds, offsetMin: 8, offsetMax: 9 }, 5), -1);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('partitioner', () => {
  it("agrees with Kafka's Utils.murmur2", () => {
    // From Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java.
    const cases: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const [key, hash] of cases) {
      assert.equal(murmur2(Buffer.from(key)), hash, key);
      assert.equal(partitionFor(key, 7), (hash & 0x7fffffff) % 7);
    }
    assert.equal(partitionFor('anything', 1), 0);
  });
});
