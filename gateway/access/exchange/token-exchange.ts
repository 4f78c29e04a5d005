/** The token endpoint: exchanges (RFC 8693), and client certificates for tokens (RFC 6749, section 4.4, with RFC 8705). */
import type { Clock } from '../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { ControlView } from '../../control/control-view.ts';
import type { StoredToken } from '../../control/token-index.ts';
import type { Access, AccessResult, LoginContext } from '../access.ts';
import { accessError } from '../errors.ts';
import type { Issuers } from '../issuers/issuers.ts';
import { parentsOf } from '../parent-tokens.ts';
import type { CertificateSources, PeerCertificate } from '../proof/certificates.ts';
import { parseToken } from '../token-format.ts';
import type { TokenStore } from '../token-store.ts';
import type { Exchanger } from './exchanger.ts';
import { delegate, partyOf, partyOfToken, type Party } from './party.ts';

export interface ExchangeForm {
  /** Null: the client certificate is what is exchanged. */
  readonly subjectToken: string | null;
  /** Who acts for the subject. */
  readonly actorToken: string | null;
  /** Connections that are wanted; absent: all that are to be had. */
  readonly connections?: readonly string[];
  readonly ttlMs?: number;
}

export interface ExchangeContext extends Omit<LoginContext, 'connection'> {
  readonly certificate?: PeerCertificate;
}

export interface TokenExchange {
  exchange(
    form: ExchangeForm,
    context: ExchangeContext,
  ): Promise<AccessResult<{ readonly token: string; readonly stored: StoredToken }>>;
}

export interface TokenExchangeDeps {
  readonly access: Pick<Access, 'verifyToken' | 'admit'>;
  readonly tokens: Pick<TokenStore, 'get'>;
  readonly issuers: Issuers;
  readonly certificates: CertificateSources;
  readonly exchanger: Exchanger;
  readonly view: Pick<ControlView, 'check'>;
  readonly clock: Clock;
}

export function createTokenExchange(deps: TokenExchangeDeps): TokenExchange {
  const { access, tokens, issuers, certificates, exchanger, view } = deps;

  const ownParty = async (token: string, context: ExchangeContext): Promise<AccessResult<Party>> => {
    const verified = await access.verifyToken(token);
    if (!verified.ok) return verified;
    const admitted = access.admit(verified.value, null, context);
    if (!admitted.ok) return admitted;
    const stored = await tokens.get(verified.value.tokenId);
    return stored === undefined
      ? { ok: false, error: accessError('TOKEN_INVALID') }
      : { ok: true, value: partyOfToken(stored) };
  };
  const party = async (token: string, context: ExchangeContext): Promise<AccessResult<Party>> => {
    if (parseToken(token) !== undefined) return ownParty(token, context);
    const verified = await issuers.verify(token);
    return verified.ok ? partyOf(verified.value) : verified;
  };
  const subjectOf = async (form: ExchangeForm, context: ExchangeContext): Promise<AccessResult<Party>> => {
    if (form.subjectToken !== null) return party(form.subjectToken, context);
    const verified = certificates.verify(context.certificate ?? { chain: [], trusted: false });
    return verified.ok ? partyOf(verified.value) : verified;
  };
  const lockedOut = (who: Party): CountersignError | undefined =>
    view.check({
      sessionId: null,
      tokenId: null,
      identityId: who.identityId,
      credentialSource: who.credentialSource,
      connection: null,
      exerciseId: null,
      principals: who.principals,
      parentTokens: parentsOf(who.attributes),
    })?.error;

  return {
    async exchange(form, context) {
      const subject = await subjectOf(form, context);
      if (!subject.ok) return subject;
      let who = subject.value;
      if (form.actorToken !== null) {
        const actor = await party(form.actorToken, context);
        if (!actor.ok) return actor;
        const both = delegate(who, actor.value);
        if (!both.ok) return both;
        who = both.value;
      }
      const refused = lockedOut(who);
      if (refused !== undefined) return { ok: false, error: refused };
      const { connections, ttlMs } = form;
      return exchanger.issue(
        who,
        {
          by: 'exchange',
          ...(connections === undefined ? {} : { connections }),
          ...(ttlMs === undefined ? {} : { ttlMs }),
        },
        { ...context, connection: null },
      );
    },
  };
}
