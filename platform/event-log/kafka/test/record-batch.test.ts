import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { NewRecord } from '../../event-log.ts';
import { compress, decompress, type Compression } from '../wire/compression.ts';
import { crc32c } from '../wire/crc32c.ts';
import { readBatches } from '../wire/record-batch-reader.ts';
import { CRC_FROM, encodeBatch, encodeBody } from '../wire/record-batch.ts';

const place = { topic: 't', partition: 3 };
const BYTES_MAX = 1024 * 1024;
const origin = { producerId: 42n, epoch: 7, sequence: 100 };

const encode = (records: readonly NewRecord[], compression: Compression = 'none') =>
  encodeBatch(records.map(encodeBody), 1_700_000_000_000, origin, compression, 0);

/** As the broker does: gives the batch its place in the log. */
function placed(batch: Buffer, offset: number): Buffer {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(offset), 0);
  return copy;
}

const anyRecord: fc.Arbitrary<NewRecord> = fc.record({
  key: fc.option(fc.string({ unit: 'grapheme' }), { nil: null }),
  value: fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null }),
  headers: fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 4 }),
});

describe('record batches', () => {
  it('come back as they were written, with every codec', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { minLength: 1, maxLength: 40 }),
        fc.constantFrom<Compression>('none', 'gzip', 'zstd'),
        fc.nat(),
        async (records, compression, offset) => {
          const batch = placed(await encode(records, compression), offset);
          const read = await readBatches(batch, place, offset, BYTES_MAX);
          assert.equal(read.fault, undefined);
          assert.equal(read.nextOffset, offset + records.length);
          assert.deepEqual(
            read.records.map((one) => [one.offset, one.key, one.value && [...one.value], { ...one.headers }]),
            records.map((one, index) => [
              offset + index,
              one.key,
              one.value && [...one.value],
              { ...one.headers },
            ]),
          );
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it('begin where asked, and leave a cut-off batch for the next time', async () => {
    const records = ['a', 'b', 'c'].map((key) => ({ key, value: null }));
    const batch = await encode(records);
    const both = Buffer.concat([placed(batch, 10), placed(batch, 13)]);
    const read = await readBatches(both.subarray(0, both.length - 1), place, 11, BYTES_MAX);
    assert.deepEqual(
      read.records.map((one) => one.offset),
      [11, 12],
    );
    assert.equal(read.nextOffset, 13);
  });

  it('say where damage begins, after the records before it', async () => {
    const batch = await encode([{ key: 'k', value: Buffer.from('v') }]);
    const damaged = placed(batch, 5);
    damaged[damaged.length - 2]! ^= 1;
    const read = await readBatches(Buffer.concat([placed(batch, 4), damaged]), place, 4, BYTES_MAX);
    assert.equal(read.records.length, 1);
    assert.equal(read.nextOffset, 5);
    assert.deepEqual(read.fault, { offset: 5, reason: 'its checksum is wrong' });
  });

  it('of a codec that is not there are handed on as one record that says so, and reading goes on', async () => {
    const good = placed(await encode([{ key: 'k', value: null }]), 2);
    const two = [1, 2].map((key) => ({ key: `${key}`, value: null }));
    const batch = placed(await encode(two), 0);
    batch.writeInt16BE(3, CRC_FROM);
    batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17);
    const read = await readBatches(Buffer.concat([batch, good]), place, 0, BYTES_MAX);
    assert.equal(read.fault, undefined);
    assert.deepEqual(
      read.records.map((one) => one.offset),
      [0, 2],
    );
    assert.match(read.records[0]!.headers['unreadable']!, /lz4.*not supported/);
    // Neither Avro's single-object form (c3 01) nor Confluent's (00).
    assert.ok(![0xc3, 0].includes(read.records[0]!.value![0]!));
    assert.equal(read.nextOffset, 3);
    assert.equal(read.unreadable.length, 1);
  });

  it('that unpack to more than the bound are refused', async () => {
    const packed = await compress('zstd', Buffer.alloc(100_000));
    assert.throws(() => decompress(4, packed, 1000));
  });

  it('carry CRC-32C as RFC 3720 gives it', () => {
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  });
});
