/** The input of a policy case, with what it leaves out filled in. */
import type { PolicyCase } from '../../schemas/config/policy-case.ts';
import type { Action, Identity, IdentityKind, RiskClass } from '../../schemas/types.ts';
import type { DecisionInput } from './decision.ts';

const NOON = '2026-01-05T12:00:00Z';

function identityOf(given: {
  readonly identity?: string;
  readonly kind?: IdentityKind;
  readonly groups?: readonly string[];
  readonly attributes?: Readonly<Record<string, string>>;
  readonly credentialSource?: string;
  readonly onBehalfOf?: readonly string[];
}): Identity {
  const id = given.identity ?? 'countersign/someone';
  const slash = id.lastIndexOf('/');
  return {
    id,
    issuer: slash === -1 ? 'countersign' : id.slice(0, slash),
    subject: id.slice(slash + 1),
    kind: given.kind ?? 'human',
    displayName: id,
    groups: [...(given.groups ?? [])],
    credentialSource: given.credentialSource ?? null,
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
    onBehalfOf: [...(given.onBehalfOf ?? [])],
    attributes: { ...given.attributes },
  };
}

/** What a command does, as its analysis says. */
export interface Analysed {
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly fingerprint: string | null;
}

/** `analysed`: of the case's statement, where it has one. */
export function inputOfCase(example: PolicyCase, analysed?: Analysed): DecisionInput {
  const principals = (example.onBehalfOf ?? []).map(identityOf);
  const requests = example.requestsLastMinuteCount ?? 1;
  return {
    identity: identityOf({
      identity: example.identity ?? 'countersign/someone',
      kind: example.kind ?? 'human',
      groups: example.groups ?? [],
      attributes: example.attributes ?? {},
      ...(example.credentialSource === undefined ? {} : { credentialSource: example.credentialSource }),
      onBehalfOf: principals.map(({ id }) => id),
    }),
    principals,
    client: { ip: example.ip ?? '192.0.2.1', port: 40_000, tool: null, version: null },
    target: {
      connection: example.connection ?? 'any',
      protocol: example.protocol ?? 'postgres',
      host: 'target.example',
      port: 5432,
      database: null,
      role: null,
    },
    actions: analysed?.actions ?? [
      {
        action: example.action ?? 'read',
        objectKind: null,
        object: example.object ?? null,
        columns: example.columns ?? [],
        whole: example.whole ?? false,
      },
    ],
    risk: analysed?.risk ?? example.risk ?? 'low',
    fingerprint: analysed?.fingerprint ?? null,
    now: Date.parse(example.time ?? NOON),
    usage: {
      identityRequestsLastMinute: requests,
      sessionRequestsLastMinute: requests,
      rows: 0,
      bytes: 0,
    },
    reason: example.reason ?? null,
    ticket: example.ticket ?? null,
  };
}
