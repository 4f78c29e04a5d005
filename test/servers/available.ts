/** Which servers and clients the tests can have on this machine; what is missing is installed where that is ours to do. */
import { spawnSync } from 'node:child_process';
import { findPostgres } from '../../main/sample-target/postgres-binaries.ts';

export type ServerName = 'postgres' | 'psql';

const has = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

/** As root on Debian, packages may be installed; said aloud. */
function installFromDebian(program: string, packageName: string): boolean {
  if (has(program)) return true;
  if (process.getuid?.() !== 0 || !has('apt-get')) return false;
  console.error(`${program} is not here: installing ${packageName} from Debian's packages ...`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env: environment });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', packageName], {
    stdio: 'ignore',
    env: environment,
  });
  return has(program);
}

/** Names of what can be had. */
export async function availableServers(): Promise<ReadonlySet<ServerName>> {
  const found = new Set<ServerName>();
  try {
    findPostgres();
    found.add('postgres');
  } catch {
    // Said by name where a suite needs it.
  }
  if (installFromDebian('psql', 'postgresql-client') && installFromDebian('pgbench', 'postgresql-contrib'))
    found.add('psql');
  return found;
}
