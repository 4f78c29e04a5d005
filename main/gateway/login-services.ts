/** People at the control API, and the exchange of outside credentials, as the API needs them. */
import { createTokenExchange } from '../../gateway/access/exchange/token-exchange.ts';
import type { Issuers } from '../../gateway/access/issuers/issuers.ts';
import { createCertificateSources } from '../../gateway/access/proof/certificates.ts';
import { createDpopProofs } from '../../gateway/access/proof/dpop.ts';
import type { LoginServices } from '../../gateway/control-api/services.ts';
import type { GatewayCore } from '../../gateway/sessions/gateway-core.ts';
import { createScimDirectory } from '../../gateway/access/scim/directory.ts';
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { LoginAnswer } from '../../schemas/api/exchange.ts';
import type { AccessConfig } from '../../schemas/config/access.ts';

/** What the command line asks the provider for. */
function loginOf({ login, issuers }: AccessConfig): LoginAnswer | undefined {
  const issuer = issuers.find(({ name }) => name === login?.issuer);
  if (login === undefined || issuer?.issuer === undefined) return undefined;
  return {
    issuer: issuer.issuer,
    clientId: login.clientId,
    scopes: login.scopes,
    resource: login.resource ?? null,
    shows: issuer.userInfo ? 'access_token' : 'id_token',
  };
}

export interface LoginDeps {
  readonly core: Pick<GatewayCore, 'access' | 'tokens' | 'exchanger' | 'view' | 'sessions' | 'control'>;
  readonly issuers: Issuers;
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly random: Random;
}

export function createLoginServices(deps: LoginDeps, config: AccessConfig): LoginServices {
  const { core, issuers, clock, store, random } = deps;
  const { access, tokens, exchanger, view, sessions, control } = core;
  const certificates = createCertificateSources({ clock }, config);
  return {
    access,
    dpop: createDpopProofs({ clock, store }),
    tokenExchange: createTokenExchange({ access, tokens, issuers, certificates, exchanger, view, clock }),
    authorities: () => certificates.authorities(),
    ...(config.scim === undefined
      ? {}
      : {
          scim: createScimDirectory(
            { store, clock, random, control, onAccount: (id) => access.forget(id) },
            config.scim,
          ),
        }),
    groupScopes: config.groupScopes,
    exchangesPerMinuteMax: config.exchangesPerMinuteMax,
    login: loginOf(config),
    issued: ({ tokenId, identityId, expiresAt }, by) =>
      sessions.record({ kind: 'credential_issued', tokenId, forIdentity: identityId, expiresAt, by }),
  };
}
