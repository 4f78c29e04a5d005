/** Approvals as the control API has them. */
import type { ControlApiServices } from '../../gateway/control-api/services.ts';
import { createSecondFactors } from '../../gateway/approvals/factors/second-factors.ts';
import { lastRevision } from '../../gateway/control/control-head.ts';
import type { EmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import type { GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { isLoopback } from '../../platform/network/address.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import { createApprovalNotices } from '../../gateway/approvals/notify/approval-notices.ts';
import { createChats } from '../../gateway/approvals/notify/chats.ts';
import type { Config } from '../../schemas/config/config.ts';

export async function createApprovalsService(
  deps: {
    readonly core: GatewayCore;
    readonly store: ControlStore;
    readonly vault: EmbeddedVault;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly metrics: Metrics;
    readonly readSecret: (reference: SecretReference) => Promise<string>;
    /** Port of the control API, once it listens. */
    readonly port: () => number;
  },
  config: Pick<Config, 'approvals' | 'controlApi'>,
): Promise<ControlApiServices['approvals']> {
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
  const { notify } = config.approvals;
  const notices = await createApprovalNotices(
    { ...deps, link: (approvalId) => `${page()}/approvals/${approvalId}` },
    notify,
  );
  core.approvals.onAsked((approval) => notices.tell(approval));
  return {
    notices,
    chats: await createChats(deps.readSecret, notify),
    person: (identityId) => core.approvals.person(identityId),
    store: core.approvals.store,
    requestGrant: (request) => core.approvals.requestGrant(request),
    factors,
    page,
    lastRevision: () => lastRevision(deps.store),
    recordDecided: (decided) => core.sessions.record({ kind: 'approval_decided', ...decided }),
  };
}
