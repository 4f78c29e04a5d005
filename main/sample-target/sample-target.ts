/** The sample target as a connection: started in the data folder, filled, its credential in the vault. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../platform/digest/sha256.ts';
import type { Vault } from '../../gateway/credentials/vault.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import { createSystemRandom } from '../../platform/clock/system-clock.ts';
import type { ConnectionEntry } from '../../schemas/config/connection.ts';
import { makeFile } from '../whole-file.ts';
import { canReach, findPostgres } from './postgres-binaries.ts';
import { startPostgresServer } from './postgres-server.ts';
import { prepareSampleDatabase, SAMPLE_DATABASE } from './sample-database.ts';

export interface SampleTarget {
  readonly connection: ConnectionEntry;
  storeCredential(vault: Vault): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'sample';

/** The server's folder: in the data folder, or where the server's user cannot get there, one of its own below /var/lib. */
function serverFolder(dataFolder: string): string {
  const { runAs } = findPostgres();
  if (runAs === undefined) return join(dataFolder, 'sample-postgres');
  const beside = `${dataFolder}-sample`;
  mkdirSync(beside, { recursive: true, mode: 0o711 });
  if (canReach(join(beside, '..'), runAs)) return beside;
  return join('/var/lib/countersign', sha256Hex(dataFolder, 12));
}

export async function startSampleTarget(clock: Clock, dataFolder: string): Promise<SampleTarget> {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const secretFile = join(dataFolder, 'sample-superuser');
  if (!existsSync(secretFile))
    makeFile(secretFile, createSystemRandom().bytes(24).toString('base64url'), 0o600);
  const superuser = { name: 'postgres', password: readFileSync(secretFile, 'utf8') };
  const server = await startPostgresServer(clock, { folder: serverFolder(dataFolder), port: 0, superuser });
  // A new one at each start: nobody but the vault keeps it.
  const password = createSystemRandom().bytes(24).toString('base64url');
  const { username } = await prepareSampleDatabase(
    { host: server.host, port: server.port, superuser },
    password,
  );
  return {
    connection: {
      name: NAME,
      protocol: 'postgres',
      host: server.host,
      port: server.port,
      options: { database: SAMPLE_DATABASE, sslMode: 'disable' },
    },
    storeCredential: async (vault) =>
      void (await vault.put(`connections/${NAME}`, JSON.stringify({ username, password }))),
    stop: () => server.stop('fast'),
  };
}
