import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createCodec } from '../../../schemas/codec.ts';
import { DOCUMENT_MAPPINGS } from '../../../schemas/ecs/documents.ts';
import { FIELD_TYPES } from '../../../schemas/ecs/field-types.ts';
import { sampleRecords } from '../../../schemas/ecs/test/sample-record.ts';
import { BOUNDS, whyRejected } from '../bounds.ts';
import { BulkLines } from '../elasticsearch/bulk-lines.ts';
import { toSource } from '../elasticsearch/document-form.ts';
import { createSourceWriter } from '../elasticsearch/source-writer.ts';
import type { DocumentFields, IndexDocument, WriteItem } from '../search-index.ts';

const ACTION = '{"create":{"_id":"ü"}}';
const write = createSourceWriter();

/** What one document becomes: its line, or why there is none. */
function written(item: WriteItem): { line: unknown } | { rejected: string } {
  const lines = new BulkLines();
  const result = write(lines, ACTION, item);
  if ('rejected' in result) {
    assert.equal(lines.byteLength, 0, 'nothing of it stays');
    return result;
  }
  const [action, source, ...rest] = lines.slice(0, 1).toString().split('\n');
  assert.deepEqual([action, rest], [ACTION, ['']]);
  const line = JSON.parse(source!) as { '@timestamp': number };
  assert.equal(result.time, line['@timestamp']);
  return { line };
}

/** The same, by the long way. */
function expected(id: string, document: IndexDocument): { line: unknown } | { rejected: string } {
  const json = JSON.stringify(document);
  const rejected = whyRejected(id, document, json);
  return rejected === undefined
    ? { line: JSON.parse(toSource(id, document, json)) as unknown }
    : { rejected };
}

const scalars = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom(
    '\ud800',
    'a "quoted" \\ text',
    'line\nbreak',
    'ünïcode 漢字 😀',
    '203.0.113.7',
    '::1%eth0',
    '',
  ),
  fc.double(),
  fc.constantFrom(0, -0, 1, 2 ** 53, 1e21, 1e39, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const values = fc.oneof(scalars, fc.array(scalars, { maxLength: 4 }), fc.constant({ a: 1 }));
const fields = fc.oneof(
  fc.constantFrom(...Object.keys(FIELD_TYPES)),
  fc.constantFrom('free', 'free.text', 'not a name', 'countersign.request.made_up'),
);
const documents = fc
  .tuple(
    fc.dictionary(fields, values, { maxKeys: 12 }),
    fc.oneof(fc.integer(), fc.constant('no time'), fc.constant(null)),
  )
  .map(([given, time]) => ({ ...given, '@timestamp': time }) as unknown as IndexDocument);

describe('Elasticsearch: documents as lines', () => {
  it('writes any document as the long way does, given as an object or field by field', () => {
    fc.assert(
      fc.property(documents, fc.string({ maxLength: 20 }), fc.boolean(), (given, id, named) => {
        const document = named ? { ...given, 'event.id': id } : given;
        const wanted = expected(id, document);
        assert.deepEqual(written({ id, document }), wanted);
        const byField: DocumentFields = (put) => {
          for (const [field, value] of Object.entries(document)) put(field, value);
        };
        assert.deepEqual(written({ id, document: byField }), wanted);
      }),
      { numRuns: 2000 },
    );
  });

  it('writes every kind of record as its document says', () => {
    let simple = 0;
    for (const mapping of DOCUMENT_MAPPINGS)
      for (const { record } of sampleRecords(createCodec(mapping.schema).schemaJson)) {
        const { id, document } = mapping.map(record as never);
        const wanted = { line: JSON.parse(toSource(id, document, JSON.stringify(document))) as unknown };
        assert.deepEqual(written({ id, document }), wanted);
        if (mapping.put === undefined) continue;
        simple += 1;
        assert.deepEqual(written({ id, document: (put) => mapping.put!(record as never, put) }), wanted);
      }
    assert.ok(simple > 10);
  });

  it('takes the last value of a field that is given twice', () => {
    const document: DocumentFields = (put) => {
      put('@timestamp', 1);
      put('message', 'first');
      put('message', 'second');
    };
    assert.deepEqual(written({ id: 'a', document }), expected('a', { '@timestamp': 1, message: 'second' }));
  });

  it('knows the longest document to the byte', () => {
    const empty = Buffer.byteLength(JSON.stringify({ '@timestamp': 1, 'event.id': 'a', message: '' }));
    const of = (letters: number): IndexDocument => ({
      '@timestamp': 1,
      'event.id': 'a',
      message: 'ü'.repeat(letters),
    });
    const most = Math.floor((BOUNDS.documentBytesMax - empty) / 2);
    assert.ok('line' in written({ id: 'a', document: of(most) }));
    assert.deepEqual(written({ id: 'a', document: of(most + 1) }), expected('a', of(most + 1)));
    assert.ok('rejected' in expected('a', of(most + 1)));
  });
});

describe('Elasticsearch: lines of a bulk request', () => {
  it('keeps what was added, whole and in parts', () => {
    const entry = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.constant('漢'.repeat(50_000)));
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 12 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        (texts, kept) => {
          const lines = new BulkLines();
          for (const text of texts) {
            lines.add('taken back');
            lines.undo();
            lines.add(text);
          }
          const wanted = texts.map((text) => Buffer.from(text));
          assert.equal(lines.count, texts.length);
          assert.deepEqual(lines.slice(0, lines.count), Buffer.concat(wanted));
          wanted.forEach((bytes, at) => assert.equal(lines.bytesOf(at, at + 1), bytes.length));
          const chosen = wanted.map((_, at) => at).filter((at) => kept[at] === true);
          const picked = lines.pick(chosen);
          assert.equal(picked.count, chosen.length);
          assert.deepEqual(picked.slice(0, picked.count), Buffer.concat(chosen.map((at) => wanted[at]!)));
        },
      ),
      { numRuns: 200 },
    );
  });
});
