/** Keeps secrets of the gateway's own in the vault, so that all gateways of one vault have the same. */
import type { Vault } from '../../gateway/credentials/vault.ts';

/** Gives the text kept under a name; the first who asks makes it. */
export function createKeeper(vault: Vault): (name: string, make: () => string) => Promise<string> {
  return async (name, make) => {
    const path = `gateway/${name}`;
    const found = await vault.get(path, 1);
    if (found !== undefined) return found.value;
    const made = make();
    await vault.put(path, made);
    // Two gateways that start at once both make one: the first version counts, for both.
    return (await vault.get(path, 1))?.value ?? made;
  };
}
