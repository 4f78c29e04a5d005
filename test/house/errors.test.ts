import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, it } from 'node:test';
import { catalogue, catalogueMarkdown, commandErrors, doubleCodes } from '../../main/error-catalogue.ts';
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
        if (catalogue[code] === undefined && commandErrors[code] === undefined)
          missing.push(`${file}: ${code}`);
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
    assert.deepEqual(doubleCodes(), []);
    for (const [code, { message, hint }] of Object.entries({ ...catalogue, ...commandErrors })) {
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
      Object.keys({ ...catalogue, ...commandErrors }).filter((code) => !text.includes(`'${code}'`)),
      [],
    );
  });

  it('the command line makes up no codes of its own', () => {
    const codes = readSources()
      .filter(({ path, isTest }) => !isTest && /^(cli|main)\//.test(path))
      .flatMap(({ text }) => [...text.matchAll(/'(CLI_[A-Z_]+)'/g)].map((match) => match[1]!));
    assert.ok(codes.length > 5);
    assert.deepEqual(
      codes.filter((code) => commandErrors[code] === undefined),
      [],
    );
  });
});
