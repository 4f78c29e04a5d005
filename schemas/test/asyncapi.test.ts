import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { asyncApi } from '../generate-asyncapi.ts';

const text = readFileSync(new URL('../../asyncapi.yaml', import.meta.url), 'utf8');

describe('schemas: AsyncAPI', () => {
  it('asyncapi.yaml is what topics and schemas say', () =>
    assert.equal(text, asyncApi(), 'run `node schemas/generate-asyncapi.ts`'));

  it('fits the published schema of AsyncAPI 3.0', () => {
    const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
    const fits = ajv.compile(schema);
    assert.ok(fits(parse(text)), JSON.stringify(fits.errors?.slice(0, 3), null, 2));
    assert.ok(!fits({ ...(parse(text) as object), channels: 7 }));
  });
});
