/** What the control API says of people and machines: tokens, identities, logins. */
import { createReview } from '../../gateway/access/review/review.ts';
import type { ControlApiServices } from '../../gateway/control-api/services.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import type { AccessConfig } from '../../schemas/config/access.ts';
import { createIdentitiesService, createTokensService } from './account-services.ts';
import { createLoginServices, type LoginDeps } from './login-services.ts';

export function createPeople(
  deps: LoginDeps & { readonly search: SearchIndex },
  config: AccessConfig,
): Pick<ControlApiServices, 'tokens' | 'identities' | 'logins'> {
  const { core, clock, search } = deps;
  const { access, sessions, tokens, view } = core;
  return {
    tokens: createTokensService(tokens, clock, (event) => sessions.record(event)),
    identities: createIdentitiesService(tokens, {
      onAccount: (identityId) => access.forget(identityId),
      review: createReview({ tokens, view, search, clock }, config.review),
    }),
    logins: createLoginServices(deps, config),
  };
}
