/** Who, from where, to what: the parts of a session event that every kind has. */
import { isIP } from 'node:net';
import type { Client, Identity, Target } from '../types.ts';
import type { EcsFields } from './ecs-document.ts';

/** `key=value` pairs in one keyword field: a field per claim would let a token grow the index's mapping without bound. */
const pairs = (map: Record<string, string>): string[] =>
  Object.entries(map)
    .map(([key, value]) => `${key}=${value}`)
    .sort();

/** Sets the `ip` field only where it is one: the index refuses others. */
export function setAddress(ecs: EcsFields, side: 'source' | 'destination', address: string): void {
  ecs.set(`${side}.address`, address);
  if (isIP(address) > 0) ecs.set(`${side}.ip`, address).relate('ip', address);
  else ecs.set(`${side}.domain`, address).relate('hosts', address);
}

export function setIdentity(ecs: EcsFields, identity: Identity): void {
  ecs
    .set('user.id', identity.id)
    .set('user.name', identity.displayName)
    .set('user.domain', identity.issuer)
    .set('user.roles', identity.groups)
    .set('countersign.identity.subject', identity.subject)
    .set('countersign.identity.kind', identity.kind)
    .set('countersign.identity.credential_source', identity.credentialSource)
    .set('countersign.identity.token_id', identity.tokenId)
    .set('countersign.identity.issued_at', identity.issuedAt)
    .set('countersign.identity.expires_at', identity.expiresAt)
    .set('countersign.identity.on_behalf_of', identity.onBehalfOf)
    .set('countersign.identity.attributes', pairs(identity.attributes))
    .relate('user', identity.id, identity.displayName, ...identity.onBehalfOf);
}

export function setClient(ecs: EcsFields, client: Client): void {
  setAddress(ecs, 'source', client.ip);
  ecs
    .set('source.port', client.port)
    .set('user_agent.name', client.tool)
    .set('user_agent.version', client.version);
}

export function setTarget(ecs: EcsFields, target: Target): void {
  setAddress(ecs, 'destination', target.host);
  ecs
    .set('destination.port', target.port)
    .set('countersign.connection', target.connection)
    .set('network.protocol', target.protocol)
    .set('countersign.target.database', target.database)
    .set('destination.user.name', target.role);
  if (target.protocol === 'kubernetes') {
    ecs
      .set('orchestrator.type', 'kubernetes')
      .set('orchestrator.cluster.name', target.connection)
      .set('orchestrator.namespace', target.database);
  }
  ecs.relate('user', target.role);
}
