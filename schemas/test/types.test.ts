import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { generateTypes } from '../generate-types.ts';

describe('schemas: types', () => {
  it('types.ts is what the Avro schemas say', () => {
    const written = readFileSync(new URL('../types.ts', import.meta.url), 'utf8').replace(/\s+/g, '');
    const made = generateTypes(new URL('../avro/', import.meta.url)).replace(/\s+/g, '');
    assert.equal(
      written.replaceAll('|', '').replaceAll(/[()]/g, ''),
      made.replaceAll('|', '').replaceAll(/[()]/g, ''),
      'run `node schemas/generate-types.ts`',
    );
  });
});
