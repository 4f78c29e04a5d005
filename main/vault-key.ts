import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readVaultKey } from '../gateway/credentials/vault-key.ts';
import type { Random } from '../platform/clock/clock.ts';
import type { Config } from '../schemas/config/config.ts';
import type { Environment } from './config.ts';
import { makeFile } from './whole-file.ts';

/** The vault's key from where the configuration says, else from DATA_FOLDER/vault.key, which the first start makes. */
export async function loadVaultKey(
  config: Config,
  environment: Environment,
  random: Random,
): Promise<Buffer> {
  const source = config.vaultKey;
  if (source !== undefined) {
    return readVaultKey(
      'command' in source ? { command: source.command as [string, ...string[]] } : source,
      environment,
    );
  }
  const file = join(config.dataFolder, 'vault.key');
  if (!existsSync(file)) makeFile(file, random.bytes(32).toString('hex'), 0o600);
  return readVaultKey({ file }, environment);
}
