import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import avro from 'avsc';
import { createAvroWriter } from '../avro-writer.ts';

interface Field {
  readonly name: string;
  readonly type: Schema;
}
interface Named {
  readonly type: string;
  readonly name?: string;
  readonly fields?: readonly Field[];
  readonly symbols?: readonly string[];
  readonly items?: Schema;
  readonly values?: Schema;
  readonly size?: number;
}
type Schema = string | Named | readonly Schema[];

const BYTES_MAX = 64 * 1024;
const text = fc.oneof(
  fc.string({ maxLength: 100 }),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom('x'.repeat(79) + 'é', 'y'.repeat(80), 'z'.repeat(5000)),
);
// Past 52 bits avsc rounds; no field of ours goes there.
const long = fc.oneof(
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  fc.integer(),
  fc.constantFrom(0, -1, 63, 64, -64, -65, 2 ** 30, 2 ** 31, 2 ** 32, -(2 ** 31), 2 ** 52, -(2 ** 52)),
);
const bytes = (size?: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array(size === undefined ? { maxLength: 300 } : { minLength: size, maxLength: size })
    .map((array) => Buffer.from(array));

/** Any value that fits the schema; unions of records as ours have them, told apart by `kind`. */
function arbitrary(schema: Schema, named: Map<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  if (Array.isArray(schema))
    return fc.oneof(...(schema as readonly Schema[]).map((branch) => arbitrary(branch, named)));
  if (typeof schema === 'string') {
    switch (schema) {
      case 'null':
        return fc.constant(null);
      case 'boolean':
        return fc.boolean();
      case 'int':
        return fc.integer();
      case 'long':
        return long;
      case 'float':
        return fc.float({ noNaN: true });
      case 'double':
        return fc.double({ noNaN: true });
      case 'bytes':
        return bytes();
      case 'string':
        return text;
      default:
        return named.get(schema)!;
    }
  }
  const { type, name, fields, symbols, items, values, size } = schema as Named;
  const of = (): fc.Arbitrary<unknown> => {
    switch (type) {
      case 'record':
        return fc.record(
          Object.fromEntries(fields!.map((field) => [field.name, arbitrary(field.type, named)])),
        );
      case 'enum':
        return fc.constantFrom(...symbols!);
      case 'fixed':
        return bytes(size);
      case 'array':
        return fc.array(arbitrary(items!, named), { maxLength: 3 });
      case 'map':
        return fc.dictionary(text, arbitrary(values!, named), { maxKeys: 3, noNullPrototype: true });
      default:
        return arbitrary(type, named);
    }
  };
  const made = of();
  if (name !== undefined) named.set(name, made);
  return made;
}

/** As avsc wants unions of records: wrapped in the name of the branch. */
function wrapped(value: Record<string, unknown>, schema: Named): Record<string, unknown> {
  const field = schema.fields!.find(
    ({ type }) =>
      Array.isArray(type) && (type as readonly Schema[]).filter((branch) => branch !== 'null').length > 1,
  );
  if (field === undefined) return value;
  const body = value[field.name] as { kind: string };
  const branch = (field.type as readonly Named[]).find(
    ({ fields }) =>
      (fields?.find(({ name }) => name === 'kind')?.type as Named | undefined)?.symbols?.[0] === body.kind,
  );
  return { ...value, [field.name]: { [`countersign.${branch!.name}`]: body } };
}

const folder = new URL('../avro/', import.meta.url);
const schemas = readdirSync(folder)
  .filter((file) => file.endsWith('.avsc'))
  .map((file) => ({ name: file.replace('.avsc', ''), json: readFileSync(new URL(file, folder), 'utf8') }));

describe('schemas: avro writer', () => {
  for (const { name, json } of schemas)
    it(`writes every byte of a ${name} as avsc does, or says that there is no room`, () => {
      const parsed = JSON.parse(json) as Named;
      const reference = avro.Type.forSchema(parsed as avro.Schema, { wrapUnions: 'auto' });
      const write = createAvroWriter(json);
      const keeping = createAvroWriter(json, [
        'SessionEvent.identity',
        'SessionEvent.client',
        'Request.actions',
      ]);
      const buffer = Buffer.alloc(BYTES_MAX);
      fc.assert(
        fc.property(arbitrary(parsed, new Map()), fc.nat(100), (value, at) => {
          const expected = reference.toBuffer(wrapped(value as Record<string, unknown>, parsed));
          const end = write(value, buffer, at);
          assert.deepEqual(buffer.subarray(at, end), expected);
          for (let time = 0; time < 2; time += 1)
            assert.deepEqual(buffer.subarray(at, keeping(value, buffer, at)), expected);
          if (expected.length === 0) return;
          assert.equal(write(value, Buffer.alloc(at + expected.length - 1), at), -1);
          assert.equal(write(value, Buffer.alloc(at + expected.length + 10), at), at + expected.length);
        }),
        { numRuns: 200 },
      );
    });

  it('writes the longest longs exactly', () => {
    const write = createAvroWriter('"long"');
    const buffer = Buffer.alloc(10);
    for (const value of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 52 + 1, -(2 ** 52) - 1]) {
      const end = write(value, buffer, 0);
      let read = 0n;
      buffer.subarray(0, end).forEach((byte, index) => (read |= BigInt(byte & 127) << BigInt(7 * index)));
      assert.equal(Number((read >> 1n) ^ -(read & 1n)), value);
    }
  });

  it('refuses what does not fit', () => {
    const write = createAvroWriter(
      JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [
          { name: 'count', type: 'long' },
          { name: 'name', type: ['null', 'string'], default: null },
          { name: 'digest', type: { type: 'fixed', name: 'D', size: 2 } },
          { name: 'color', type: { type: 'enum', name: 'C', symbols: ['red'] } },
        ],
      }),
    );
    const good = { count: 1, name: 'n', digest: Buffer.alloc(2), color: 'red' };
    const buffer = Buffer.alloc(100);
    assert.equal(write(good, buffer, 0), 7);
    for (const bad of [
      { ...good, count: 1.5 },
      { ...good, count: undefined },
      { ...good, count: 2 ** 53 },
      { ...good, name: 3 },
      { ...good, digest: Buffer.alloc(3) },
      { ...good, color: 'blue' },
      null,
    ])
      assert.throws(() => write(bad, buffer, 0), TypeError);
    // A field that is not there takes its default.
    assert.equal(write({ ...good, name: undefined }, buffer, 0), 5);
  });

  it('freezes what it keeps, so that nobody changes what was written', () => {
    const write = createAvroWriter(
      JSON.stringify({
        type: 'record',
        name: 'R',
        fields: [
          {
            name: 'kept',
            type: {
              type: 'record',
              name: 'K',
              fields: [{ name: 'list', type: { type: 'array', items: 'string' } }],
            },
          },
        ],
      }),
      ['R.kept'],
    );
    const kept = { list: ['a'] };
    write({ kept }, Buffer.alloc(10), 0);
    assert.throws(() => kept.list.push('b'), TypeError);
  });
});
