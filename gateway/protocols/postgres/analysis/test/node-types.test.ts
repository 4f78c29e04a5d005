import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { PLAIN_NODES } from '../statements/expressions.ts';
import { HANDLERS } from '../statements/table.ts';

/** All node types of PostgreSQL 18's tree, from the parser's own type definitions. */
const PARSER = createRequire(import.meta.url).resolve('libpg-query');
const DEFINITIONS = join(dirname(createRequire(PARSER).resolve('@pgsql/types')), 'types.d.ts');
const TYPES = [...readFileSync(DEFINITIONS, 'utf8').matchAll(/^export interface (\w+)/gm)].map(
  (match) => match[1]!,
);

/** Statements that never stand in what the parser gives: made later, or only within other nodes or other parse modes. */
const NEVER_IN_RAW_TREES = new Set(['RawStmt', 'SetOperationStmt', 'PLAssignStmt', 'ReplicaIdentityStmt']);

describe('node types', () => {
  it('are all known where they are statements: each has a handler, or never comes', () => {
    const statements = TYPES.filter((type) => type.endsWith('Stmt'));
    assert.ok(statements.length > 115, `${statements.length} statements`);
    const missing = statements.filter((type) => !HANDLERS.has(type) && !NEVER_IN_RAW_TREES.has(type));
    assert.deepEqual(missing, []);
  });

  it('have handlers only where they exist', () => {
    assert.deepEqual(
      [...HANDLERS.keys()].filter((type) => !TYPES.includes(type)),
      [],
    );
    assert.deepEqual(
      [...PLAIN_NODES].filter((type) => !TYPES.includes(type)),
      [],
    );
  });

  it('are not passed over as plain where they are statements or calls', () => {
    for (const type of PLAIN_NODES) assert.ok(!type.endsWith('Stmt') && !HANDLERS.has(type), type);
  });
});
