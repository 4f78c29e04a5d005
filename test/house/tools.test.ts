import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { root } from './sources.ts';

/** The checks of `npm run check`, so that `npm test` alone says whether a change may land. */
const TOOLS: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['types are right', 'tsc', '-p', '.'],
  ['the linter has nothing to say', 'oxlint', '--type-aware', '--deny-warnings'],
  ['the format is the formatter’s', 'oxfmt', '--check', '.'],
  ['nothing is unused', 'knip'],
];

describe('house: tools', () => {
  for (const [name, program, ...args] of TOOLS) {
    it(name, () => {
      const path = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
      const run = spawnSync(join(root, 'node_modules', '.bin', program), args, {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, PATH: path },
      });
      assert.equal(run.status, 0, `${run.stdout}${run.stderr}`.slice(0, 5000));
    });
  }
});
