/** Who, from where, to what, and what kind of thing a request does: parts of a session event in OCSF. */
import { isIP } from 'node:net';
import type { Action, Client, Identity, SessionEvent, Target } from '../types.ts';
import { compact, OTHER, type OcsfObject } from './ocsf-event.ts';

const KINDS = { human: 1, unknown: 0, service_account: OTHER, workload: OTHER, ai_agent: OTHER } as const;

export function user(identity: Identity): OcsfObject | undefined {
  return compact({
    uid: identity.id,
    name: identity.displayName,
    domain: identity.issuer,
    type: identity.kind,
    type_id: KINDS[identity.kind],
    groups: identity.groups.map((name) => ({ name })),
    credential_uid: identity.tokenId,
  });
}

export function session(event: SessionEvent): OcsfObject | undefined {
  if (event.session === null) return undefined;
  return compact({
    uid: event.session.id,
    issuer: event.identity?.issuer,
    credential_uid: event.identity?.tokenId,
    expiration_time: event.identity?.expiresAt,
    is_remote: true,
  });
}

/** Who acts; before a login it is only known through which gateway. */
export const actor = (event: SessionEvent): OcsfObject | undefined =>
  event.identity === null
    ? { app_name: event.gateway.id }
    : compact({ user: user(event.identity), session: session(event) });

const address = (host: string): OcsfObject => (isIP(host) > 0 ? { ip: host } : { hostname: host });

export const source = (client: Client | null): OcsfObject =>
  client === null ? { name: 'unknown' } : { ...address(client.ip), port: client.port };

export const destination = (target: Target | null): OcsfObject | undefined =>
  target === null ? undefined : { ...address(target.host), port: target.port, svc_name: target.connection };

/** What OCSF has no name for. */
export function unmapped(
  event: SessionEvent,
  more: Readonly<Record<string, unknown>> = {},
): OcsfObject | undefined {
  return compact({
    origin: event.origin,
    exercise_id: event.exerciseId,
    connection: event.target?.connection,
    protocol: event.target?.protocol,
    request_id: event.requestId,
    credential_source: event.identity?.credentialSource,
    on_behalf_of: event.identity?.onBehalfOf,
    client_tool: event.client?.tool,
    ...more,
  });
}

/** The strongest thing that a request does decides its activity. */
export const DATASTORE: readonly (readonly [activity: number, actions: readonly string[]])[] = [
  [7, ['delete', 'truncate', 'drop']],
  [6, ['create']],
  [2, ['alter', 'update', 'grant', 'revoke', 'role_change', 'set']],
  [5, ['write', 'import']],
  [1, ['export']],
  [4, ['read']],
];
export const API: typeof DATASTORE = [
  [4, ['delete', 'truncate', 'drop']],
  [1, ['create']],
  [3, ['alter', 'update', 'write', 'grant', 'revoke', 'role_change', 'set', 'import']],
  [2, ['read', 'export', 'list']],
];
export function activity(table: typeof DATASTORE, actions: readonly Action[]): number {
  const done = new Set(actions.map(({ action }) => action));
  return table.find(([, names]) => names.some((name) => done.has(name)))?.[0] ?? OTHER;
}
