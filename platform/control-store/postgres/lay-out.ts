/** Makes schema and tables where they are absent, one process at a time; refuses those of a newer version. */
import type { PostgresStoreConfig } from '../../../schemas/config/control-store-postgres.ts';
import { controlStoreError } from '../errors.ts';
import type { Connection } from './connect.ts';
import { LAYOUT_VERSION, layoutLock, layoutOf } from './layout.ts';
import type { Statement } from './statement.ts';

const unnamed = (text: string): Statement => ({ name: '', text });
/** Of processes that are gone. */
const WRITERS_KEPT = '1 day';

/** Needs the right to create only where there is something to create. Errors: CONTROL_STORE_VERSION, or of the server. */
export async function layOut(
  connection: Connection,
  { schema }: Pick<PostgresStoreConfig, 'schema'>,
): Promise<void> {
  const versionTable = async (): Promise<boolean> => {
    // From the tables, not by to_regclass: that may answer from what this session knew before it waited for the lock.
    const [row] = await connection.query(
      unnamed(
        "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = 'layout')",
      ),
      [schema],
    );
    return row?.[0] === true;
  };
  if (!(await versionTable())) {
    await connection.script('begin');
    try {
      await connection.query(unnamed('select pg_advisory_xact_lock($1)'), [String(layoutLock(schema))]);
      // Another process may have been faster.
      if (!(await versionTable())) {
        const [there] = await connection.query(
          unnamed('select exists (select from pg_namespace where nspname = $1)'),
          [schema],
        );
        if (there?.[0] !== true) await connection.script(`create schema "${schema}"`);
        await connection.script(layoutOf(schema));
      }
      await connection.script('commit');
    } catch (error) {
      await connection.script('rollback').catch(() => undefined);
      throw error;
    }
  }
  const [row] = await connection.query(unnamed(`select version from "${schema}".layout`), []);
  const found = Number(row?.[0]);
  if (found !== LAYOUT_VERSION)
    throw controlStoreError('CONTROL_STORE_VERSION', { found, known: LAYOUT_VERSION });
  await connection.script(`delete from "${schema}".writers where at < now() - interval '${WRITERS_KEPT}'`);
}
