/** Accounts of grants at the targets: made by the protocols, dropped by whoever has the turn. */
import { createGrantAccounts, type GrantAccounts } from '../../gateway/approvals/grant-accounts.ts';
import type { EmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import type { ProtocolDeps } from '../../gateway/protocols/protocol.ts';
import { protocols } from '../../gateway/protocols/registry.ts';
import type { GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Surroundings } from '../storage.ts';

export function startGrantAccounts(
  deps: Surroundings & {
    readonly core: GatewayCore;
    readonly store: ControlStore;
    readonly vault: EmbeddedVault;
    readonly protocolDeps: () => ProtocolDeps;
  },
  gatewayId: string,
): GrantAccounts {
  const { core, random } = deps;
  const accounts = createGrantAccounts({
    ...deps,
    approvals: core.approvals.store,
    view: core.approvals.view,
    holder: `${gatewayId}/${random.bytes(8).toString('hex')}`,
    async drop(name, account) {
      const protocolDeps = deps.protocolDeps();
      const connection = protocolDeps.connection(name);
      // A connection that is gone cannot be asked; what its target holds has ended by itself.
      if (connection === undefined) return;
      const protocol = protocols.find((one) => one.name === connection.protocol);
      await protocol?.dropGrantAccount?.(protocolDeps, connection, account);
    },
  });
  accounts.start();
  return accounts;
}
