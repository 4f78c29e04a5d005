import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { root } from './sources.ts';

const LINK = /\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)/g;
const COMMAND = /\bnpm (?:run )?(start|test|bench|server|simulate|build|check|coverage|format|run \w+)\b/g;

describe('house: documents', () => {
  const documents = globSync('{*.md,{docs,gateway,detectors,responders,ingest,platform,schemas}/**/*.md}', {
    cwd: root,
    exclude: ['node_modules/**'],
  }).map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

  it('links lead somewhere', () => {
    const links = documents.flatMap(({ path, text }) =>
      [...text.matchAll(LINK)].map((match) => ({ path, to: match[1]! })),
    );
    const own = links.filter(({ to }) => !/^[a-z]+:/.test(to));
    assert.ok(own.length > 10);
    assert.deepEqual(
      own
        .filter(({ path, to }) => !existsSync(join(root, dirname(path), to)))
        .map(({ path, to }) => `${path}: ${to}`),
      [],
    );
  });

  it('scripts that are named exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = documents.flatMap(({ text }) => [...text.matchAll(COMMAND)].map((match) => match[1]!));
    assert.ok(named.length > 5);
    assert.deepEqual(
      named.filter((name) => scripts[name] === undefined),
      [],
    );
  });
});
