import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import avro from 'avsc';

const folder = new URL('../avro/', import.meta.url);
const history = new URL('../avro/history/', import.meta.url);
const read = (file: URL): avro.Type =>
  avro.Type.forSchema(JSON.parse(readFileSync(file, 'utf8')) as avro.Schema, { wrapUnions: 'auto' });

describe('schemas: compatibility', () => {
  const current = readdirSync(folder).filter((file) => file.endsWith('.avsc'));
  for (const file of current) {
    const name = file.replace('.avsc', '');
    const released = readdirSync(history).filter((old) => old.startsWith(`${name}.`));
    it(`${name} has a released version to be held against`, () => assert.ok(released.length > 0));
    for (const old of released) {
      it(`${name} reads records of ${old}`, () => {
        // Throws where a record of the old schema cannot be read with today's.
        const resolver = read(new URL(file, folder)).createResolver(read(new URL(old, history)));
        assert.ok(resolver);
      });
    }
  }
});

describe('schemas: the hash of an event', () => {
  const files = [
    new URL('session-event.avsc', folder),
    ...readdirSync(history)
      .filter((file) => file.startsWith('session-event.'))
      .map((file) => new URL(file, history)),
  ];
  for (const file of files)
    it(`stands last in ${file.pathname.split('/').at(-1)}`, () => {
      const { fields } = JSON.parse(readFileSync(file, 'utf8')) as { fields: { name: string }[] };
      assert.equal(fields.at(-1)!.name, 'hash');
    });
});

describe('schemas: documentation', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.avsc'))) {
    it(`every field of ${file} says what it is`, () => {
      const undocumented: string[] = [];
      const walk = (type: unknown, path: string): void => {
        if (Array.isArray(type)) for (const branch of type) walk(branch, path);
        else if (type !== null && typeof type === 'object') {
          const record = type as {
            name?: string;
            type?: unknown;
            items?: unknown;
            fields?: { name: string; doc?: string; type: unknown }[];
          };
          for (const field of record.fields ?? []) {
            if (field.doc === undefined && field.name !== 'kind') undocumented.push(`${path}.${field.name}`);
            walk(field.type, `${path}.${field.name}`);
          }
          walk(record.items, path);
          if (typeof record.type === 'object') walk(record.type, path);
        }
      };
      walk(JSON.parse(readFileSync(new URL(file, folder), 'utf8')), '');
      assert.deepEqual(undocumented, []);
    });
  }
});
