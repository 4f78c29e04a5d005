import type { CatalogueLink, LinkFailure } from './link.ts';

const ATTEMPTS_MAX = 3;
/** lock_not_available (https://www.postgresql.org/docs/current/errcodes-appendix.html): it was waited for already. */
const LOCKED = '55P03';

const mayPass = (failure: LinkFailure): boolean =>
  failure.kind === 'cut' || (failure.kind === 'error' && failure.sqlState !== LOCKED);

/**
 * Puts a question again at once where its answer was an error, or where its connection was closed under it: an object that goes while it
 * is looked at makes the target fail ("cache lookup failed"). Only for questions that change nothing.
 */
export function createRepeatingLink(link: CatalogueLink): CatalogueLink {
  return {
    ...link,
    async run(statements) {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await link.run(statements);
        if (answer.ok || attempt === ATTEMPTS_MAX || !mayPass(answer.failure)) return answer;
      }
    },
  };
}
