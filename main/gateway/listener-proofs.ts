/** What listeners prove themselves with: certificates by file, keys of the gateway's own kept in the vault. */
import type { Vault } from '../../gateway/credentials/vault.ts';
import type { ListenerProofs } from '../../gateway/protocols/protocol.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { ListenerConfig } from '../../schemas/config/listener.ts';
import { listenerTls } from './listener-tls.ts';

export function createListenerProofs(
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
  config: Pick<ListenerConfig, 'host' | 'certificateFile' | 'keyFile'>,
  dataFolder: string,
): ListenerProofs {
  return {
    tls: () => listenerTls(config, dataFolder, clock.now()),
    async kept(name, make) {
      const path = `gateway/${name}`;
      const found = await vault.get(path);
      if (found !== undefined) return found.value;
      // Two gateways that start at once both make one: the first version counts, for both.
      await vault.put(path, make());
      return (await vault.get(path, 1))?.value ?? (await vault.get(path))!.value;
    },
  };
}
