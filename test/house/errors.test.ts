import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import { catalogue, catalogueMarkdown } from '../../main/error-catalogue.ts';
import type { ErrorDefinitions } from '../../platform/errors/errors.ts';
import { readSources, root } from './sources.ts';

describe('house: errors', () => {
  it('every room that defines errors is in the catalogue', async () => {
    const files = globSync('{schemas,platform,gateway,detectors,responders,ingest,main,cli}/**/errors.ts', {
      cwd: root,
    });
    assert.ok(files.length > 5);
    const missing: string[] = [];
    for (const file of files) {
      const room = (await import(pathToFileURL(join(root, file)).href)) as { definitions?: ErrorDefinitions };
      for (const code of Object.keys(room.definitions ?? {}))
        if (catalogue[code] === undefined) missing.push(`${file}: ${code}`);
    }
    assert.deepEqual(missing, []);
  });

  it('docs/errors.md is what the catalogue says', () => {
    assert.equal(
      readFileSync(join(root, 'docs/errors.md'), 'utf8'),
      catalogueMarkdown(),
      'run `node main/error-catalogue.ts`',
    );
  });

  it('every error says what to do, and no code is defined twice', () => {
    for (const [code, { message, hint }] of Object.entries(catalogue)) {
      assert.match(code, /^[A-Z][A-Z0-9_]+$/);
      assert.ok(message.length > 10 && hint.length > 10, code);
    }
  });

  it('every code is used', () => {
    const text = readSources()
      .filter(({ path, isTest }) => !isTest && !path.endsWith('/errors.ts'))
      .map((source) => source.text)
      .join('\n');
    assert.deepEqual(
      Object.keys(catalogue).filter((code) => !text.includes(code)),
      [],
    );
  });
});
