/** Approvals as the control API has them. */
import type { ControlApiServices } from '../../gateway/control-api/services.ts';
import { createSecondFactors } from '../../gateway/approvals/factors/second-factors.ts';
import { lastRevision } from '../../gateway/control/control-head.ts';
import type { EmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import type { GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { isLoopback } from '../../platform/network/address.ts';
import type { Config } from '../../schemas/config/config.ts';

export function createApprovalsService(
  deps: {
    readonly core: GatewayCore;
    readonly store: ControlStore;
    readonly vault: EmbeddedVault;
    readonly clock: Clock;
    readonly random: Random;
    /** Port of the control API, once it listens. */
    readonly port: () => number;
  },
  config: Pick<Config, 'approvals' | 'controlApi'>,
): ControlApiServices['approvals'] {
  const { core } = deps;
  const page = (): string => {
    const { pageUrl } = config.approvals;
    if (pageUrl !== undefined) return pageUrl.replace(/\/+$/, '');
    const { host, tls } = config.controlApi;
    // Browsers bind security keys to names, and take an address for none.
    const name = isLoopback(host) ? 'localhost' : host;
    return `${tls === undefined ? 'http' : 'https'}://${name}:${deps.port()}`;
  };
  const factors = createSecondFactors({
    ...deps,
    party() {
      const { hostname, origin } = new URL(page());
      return { id: hostname, origins: [origin] };
    },
  });
  return {
    store: core.approvals.store,
    requestGrant: (request) => core.approvals.requestGrant(request),
    factors,
    page,
    lastRevision: () => lastRevision(deps.store),
    recordDecided: (decided) => core.sessions.record({ kind: 'approval_decided', ...decided }),
  };
}
