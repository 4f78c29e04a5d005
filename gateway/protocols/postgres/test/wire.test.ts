import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeBind, decodeError, decodeParse, decodeQuery, rowsOfTag } from '../wire/decode.ts';
import { FrameReader, type FrameRules } from '../wire/frame-reader.ts';
import { bind, cancelRequest, errorResponse, message, parse, query, startup } from '../wire/messages.ts';
import { readInitial, STARTUP_BYTES_MAX } from '../wire/startup.ts';

const seed = 20261124;
const STREAMED = 'd'.charCodeAt(0);
const rules: FrameRules = {
  lengthMax: (type) => (type >= 0x41 && type <= 0x7a ? 1 << 20 : 0),
  streamed: (type) => type === STREAMED,
};

interface Seen {
  type: number;
  bytes: Buffer;
}

/** Messages as read from chunks; pieces of streamed ones joined. */
function readAll(chunks: readonly Buffer[]): { seen: Seen[]; reader: FrameReader } {
  const reader = new FrameReader(rules);
  const seen: Seen[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      const piece = Buffer.from(reader.buffer.subarray(reader.start, reader.end));
      if (reader.first) seen.push({ type: reader.type, bytes: piece });
      else seen.at(-1)!.bytes = Buffer.concat([seen.at(-1)!.bytes, piece]);
      assert.ok(reader.last || reader.type === STREAMED);
    }
  }
  return { seen, reader };
}

const frame = fc
  .record({ type: fc.constantFrom('Q', 'P', 'B', 'd', 'X', 'S'), body: fc.uint8Array({ maxLength: 300 }) })
  .map(({ type, body }) => message(type.charCodeAt(0), Buffer.from(body)));

/** Cuts bytes at any places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...at, bytes.length]) {
    if (place > from) chunks.push(bytes.subarray(from, place));
    from = Math.max(from, place);
  }
  return chunks;
}

describe('the frame reader', () => {
  it('gives the same messages however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (frames, places) => {
          const { seen, reader } = readAll(cut(Buffer.concat(frames), places));
          assert.deepEqual(
            seen.map(({ bytes }) => bytes),
            frames,
          );
          assert.equal(reader.error, undefined);
          assert.equal(reader.atBoundary, true);
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  it('gives the same messages byte by byte', () => {
    const bytes = Buffer.concat([query('select 1'), parse('a', 'select 2'), bind('', 'a')]);
    const { seen } = readAll([...bytes].map((byte) => Buffer.from([byte])));
    assert.deepEqual(Buffer.concat(seen.map((one) => one.bytes)), bytes);
    assert.equal(seen.length, 3);
  });

  it('takes garbage without a crash, and stops at the first thing that is none', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const { seen, reader } = readAll(chunks.map((chunk) => Buffer.from(chunk)));
        const read = seen.reduce((sum, one) => sum + one.bytes.length, 0);
        assert.ok(read <= chunks.reduce((sum, chunk) => sum + chunk.length, 0));
        if (reader.error !== undefined) assert.equal(reader.next(), false);
      }),
      { seed, numRuns: 1000 },
    );
  });

  it('refuses a length of 2 GB at once, also below 4, and unknown types by their first byte', () => {
    const announced = (type: string, length: number): Buffer => {
      const header = Buffer.alloc(5);
      header.write(type);
      header.writeUInt32BE(length, 1);
      return header;
    };
    assert.deepEqual(readAll([announced('Q', 0x7fff_ffff)]).reader.error, {
      kind: 'too-long',
      type: 0x51,
      bytes: 0x7fff_ffff,
      bytesMax: 1 << 20,
    });
    assert.equal(readAll([announced('Q', 3)]).reader.error?.kind, 'too-short');
    assert.equal(readAll([Buffer.from([0x16])]).reader.error?.kind, 'unknown-type');
  });

  it('keeps unread messages over a pause', () => {
    const reader = new FrameReader(rules);
    reader.push(Buffer.concat([query('a'), query('b')]));
    assert.equal(reader.next(), true);
    reader.push(query('c'));
    const seen: (string | undefined)[] = [];
    while (reader.next()) seen.push(decodeQuery(reader.buffer, reader.start, reader.end, 'utf8'));
    assert.deepEqual(seen, ['b', 'c']);
  });
});

describe('decoders', () => {
  it('read what the builders build', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('\0')),
        fc.stringMatching(/^[a-z0-9_]{0,20}$/),
        (sql, name) => {
          const q = query(sql);
          assert.equal(decodeQuery(q, 0, q.length, 'utf8'), Buffer.from(sql).toString());
          const p = parse(name, sql);
          assert.deepEqual(decodeParse(p, 0, p.length, 'utf8'), {
            name,
            sql: Buffer.from(sql).toString(),
            types: [],
          });
          const b = bind(name, 's');
          assert.equal(decodeBind(b, 0, b.length)?.portal, name);
        },
      ),
      { seed },
    );
  });

  it('refuse a text that ends before its message, or after', () => {
    const hidden = message(0x51, Buffer.from('select 1\0; drop table t\0'));
    assert.equal(decodeQuery(hidden, 0, hidden.length, 'utf8'), undefined);
    const open = message(0x51, Buffer.from('select 1'));
    assert.equal(decodeQuery(open, 0, open.length, 'utf8'), undefined);
  });

  it('never throw on any body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (body) => {
        for (const type of 'QPBDEC') {
          const bytes = message(type.charCodeAt(0), Buffer.from(body));
          decodeQuery(bytes, 0, bytes.length, 'utf8');
          decodeParse(bytes, 0, bytes.length, 'utf8');
          const bound = decodeBind(bytes, 0, bytes.length);
          if (bound !== undefined) assert.ok(bound.parametersEnd <= bytes.length);
          decodeError(bytes, 0, bytes.length);
        }
        readInitial(Buffer.from(body));
      }),
      { seed, numRuns: 2000 },
    );
  });

  it('read errors and tags', () => {
    const error = errorResponse({ severity: 'ERROR', sqlState: '42501', message: 'no', hint: 'h' });
    assert.deepEqual(decodeError(error, 0, error.length), {
      severity: 'ERROR',
      sqlState: '42501',
      message: 'no',
    });
    assert.deepEqual(
      ['INSERT 0 5', 'SELECT 3', 'COPY 9', 'CREATE TABLE', '7', ''].map(rowsOfTag),
      [5, 3, 9, 0, 0, 0],
    );
  });

  it('read first messages, and wait for the rest of half ones', () => {
    const bytes = startup(
      0x30000,
      new Map([
        ['user', 'u'],
        ['database', 'd'],
      ]),
    );
    for (let length = 0; length < bytes.length; length += 1)
      assert.equal(readInitial(bytes.subarray(0, length)).state, 'more');
    const read = readInitial(bytes);
    assert.ok(read.state === 'done' && read.message.kind === 'startup');
    assert.deepEqual(
      [...read.message.parameters],
      [
        ['user', 'u'],
        ['database', 'd'],
      ],
    );
    const cancel = readInitial(cancelRequest(80877102, 7, Buffer.alloc(32, 1)));
    assert.ok(cancel.state === 'done' && cancel.message.kind === 'cancel');
    assert.equal(cancel.message.key.length, 32);
    const huge = Buffer.alloc(8);
    huge.writeUInt32BE(STARTUP_BYTES_MAX + 1);
    assert.equal(readInitial(huge).state, 'bad');
  });
});
