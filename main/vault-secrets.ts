/** Secrets of the vault for roles on threads, which have no vault: read by the gateway's thread before they start. */
import type { Vault } from '../gateway/credentials/vault.ts';

/** Values by path. */
export type VaultSecrets = Readonly<Record<string, string>>;

/** Paths of all `{vault: PATH}` within a piece of configuration. */
export function vaultPaths(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(vaultPaths);
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first![0] === 'vault' && typeof first![1] === 'string') return [first![1]];
  return entries.flatMap(([, inner]) => vaultPaths(inner));
}

/** What the vault has of them; what it lacks is missed by who needs it. */
export async function readVaultSecrets(vault: Pick<Vault, 'get'>, config: unknown): Promise<VaultSecrets> {
  const found: [string, string][] = [];
  for (const path of new Set(vaultPaths(config))) {
    const secret = await vault.get(path);
    if (secret !== undefined) found.push([path, secret.value]);
  }
  return Object.fromEntries(found);
}
