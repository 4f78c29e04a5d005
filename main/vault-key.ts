import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readVaultKey } from '../gateway/credentials/vault-key.ts';
import type { Random } from '../platform/clock/clock.ts';
import type { Config } from '../schemas/config/config.ts';
import type { Environment } from './config.ts';

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
  if (!existsSync(file)) writeFileSync(file, random.bytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  return readVaultKey({ file }, environment);
}
