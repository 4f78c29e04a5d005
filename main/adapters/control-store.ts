import { join } from 'node:path';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Config } from '../../schemas/config/config.ts';
import type { AdapterDeps } from './adapter-deps.ts';

/** The control store that the configuration names. */
export async function openControlStore(
  deps: AdapterDeps,
  { controlStore: config, dataFolder }: Pick<Config, 'controlStore' | 'dataFolder'>,
): Promise<ControlStore> {
  if (config.kind === 'postgres') {
    const { createPostgresControlStore } =
      await import('../../platform/control-store/postgres/postgres-control-store.ts');
    return createPostgresControlStore(deps, config.postgres);
  }
  const { createSqliteControlStore } =
    await import('../../platform/control-store/sqlite/sqlite-control-store.ts');
  // This process alone has the file: there is nobody else's change to look for.
  return createSqliteControlStore(deps, {
    ...config,
    foreignPollMs: 0,
    file: join(dataFolder, 'control.sqlite'),
  });
}
