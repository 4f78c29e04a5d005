/** The input of a policy in Rego, made of a decision's (schemas/policy/input.ts). */
import type { PolicyInput } from '../../schemas/policy/input.ts';
import type { Identity } from '../../schemas/types.ts';
import type { DecisionInput } from './decision.ts';

const MINUTE_MS = 60_000;

export const minuteOf = (nowMs: number): number => Math.floor(nowMs / MINUTE_MS);

const identityOf = (identity: Identity): PolicyInput['identity'] => ({
  id: identity.id,
  issuer: identity.issuer,
  subject: identity.subject,
  kind: identity.kind,
  groups: identity.groups,
  credential_source: identity.credentialSource,
  on_behalf_of: identity.onBehalfOf,
  attributes: identity.attributes,
});

/** `withUsage`: with what was done before; such a document is hardly ever the same again. */
export function inputDocument(input: DecisionInput, withUsage: boolean): PolicyInput {
  const { client, target, usage } = input;
  return {
    version: 1,
    time: new Date(minuteOf(input.now) * MINUTE_MS).toISOString(),
    identity: identityOf(input.identity),
    principals: (input.principals ?? []).map(identityOf),
    client: { ip: client.ip, tool: client.tool, version: client.version },
    target: {
      connection: target.connection,
      protocol: target.protocol,
      host: target.host,
      port: target.port,
      database: target.database,
      role: target.role,
    },
    actions: input.actions.map(({ action, objectKind, object, columns, whole }) => ({
      action,
      object_kind: objectKind,
      object,
      columns,
      whole,
    })),
    risk: input.risk,
    fingerprint: input.fingerprint,
    reason: input.reason ?? null,
    ticket: input.ticket ?? null,
    grants: (input.grants ?? [])
      .filter(({ endsAt }) => endsAt > input.now)
      .map((grant) => ({
        grant_id: grant.grantId,
        actions: [...grant.actions],
        connections: [...grant.connections],
        objects: [...grant.objects],
        ends_at: new Date(grant.endsAt).toISOString(),
      })),
    ...(withUsage && usage !== undefined
      ? {
          usage: {
            identity_requests_last_minute: usage.identityRequestsLastMinute,
            session_requests_last_minute: usage.sessionRequestsLastMinute,
            session_rows: usage.rows,
            session_bytes: usage.bytes,
          },
        }
      : {}),
  };
}
