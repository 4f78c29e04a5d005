/** `policy explain` decides without the target's catalogue, and says where that may matter. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const PROGRAM = new URL('../countersign.ts', import.meta.url).pathname;
const explain = async (statement: string, ...more: readonly string[]): Promise<string> => {
  const words = ['policy', 'explain', '--identity', 'x/y', '--statement', statement, ...more];
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...words], {
    // No installation that might know the identity.
    env: { PATH: process.env['PATH'] ?? '', COUNTERSIGN_DATA_FOLDER: join(tmpdir(), 'countersign-none') },
  });
  return stdout;
};
interface Explained {
  readonly withoutCatalogue: {
    readonly bySearchPath: readonly string[];
    readonly notLookedInto: readonly string[];
  };
}

describe('policy explain without a catalogue', () => {
  it('names what only the search path gave a schema, and what it has not looked into', async () => {
    const { withoutCatalogue } = JSON.parse(
      await explain('select boom() from orders, shop.items, pg_class', '--json'),
    ) as Explained;
    assert.deepEqual(
      [withoutCatalogue.bySearchPath, withoutCatalogue.notLookedInto].map((names) => names.toSorted()),
      [
        ['public.boom', 'public.orders'],
        ['public.boom', 'public.orders', 'shop.items'],
      ],
    );
    assert.match(
      await explain('delete from orders where id = 1'),
      /^without the target's catalogue: public\.orders by the search path of a new session alone; nothing of what stands behind public\.orders /m,
    );
  });

  it('says nothing where there is nothing to look up', async () => {
    for (const [statement, ...more] of [
      ['select 1'],
      ['select relname from pg_class'],
      ['ls -l', '--protocol', 'ssh'],
    ] as const)
      assert.doesNotMatch(await explain(statement, ...more), /catalogue:/, statement);
  });
});
