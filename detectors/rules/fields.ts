/**
 * Short names of fields for rules (docs/detection-fields.md). Any other name is the dotted path in the record (`body.tag`) or a
 * fact (`facts.tool_new`).
 */
import type { Action } from '../../schemas/types.ts';
import type { EventView, FactValue } from '../detector.ts';

export type FieldReader = (view: EventView) => readonly FactValue[];

const PATHS: Readonly<Record<string, string>> = {
  'event.kind': 'body.kind',
  'event.time': 'time',
  'event.origin': 'origin',
  'identity.name': 'identity.displayName',
  'identity.credential_source': 'identity.credentialSource',
  'identity.token_id': 'identity.tokenId',
  'identity.issued_at': 'identity.issuedAt',
  'identity.expires_at': 'identity.expiresAt',
  'identity.on_behalf_of': 'identity.onBehalfOf',
  'request.verb': 'body.verb',
  'request.text': 'body.text',
  'request.length': 'body.textLength',
  'request.fingerprint': 'body.fingerprint',
  'request.risk': 'body.risk',
  'request.action': 'body.actions.action',
  'request.object': 'body.actions.object',
  'request.object_kind': 'body.actions.objectKind',
  'request.columns': 'body.actions.columns',
  'request.outcome': 'body.decision.outcome',
  'request.policy_rule': 'body.decision.rule',
  'response.status': 'body.status',
  'response.rows': 'body.rows',
  'response.bytes': 'body.bytes',
  'response.duration_us': 'body.durationUs',
  'response.tag': 'body.tag',
  'response.error_code': 'body.errorCode',
  'response.error_message': 'body.errorMessage',
  'response.masked_fields': 'body.maskedFields',
  'refused.code': 'body.code',
  'refused.claimed_name': 'body.claimedName',
  'control.actor': 'body.actor',
  'control.action': 'body.action',
  'control.subject': 'body.subject',
  'control.outcome': 'body.outcome',
  'heartbeat.unaudited': 'body.unaudited',
  'heartbeat.spool_bytes': 'body.spoolBytes',
  'closed.reason': 'body.reason',
};

/** One action as a line: `action kind object`, `-` for what is not known, and ` whole` where nothing restricts the rows. */
export function stepOf({ action, objectKind, object, whole }: Action): string {
  return `${action} ${objectKind ?? '-'} ${object ?? '-'}${whole ? ' whole' : ''}`;
}

/** The /24 or /48 of an address (an IPv4 address in IPv6 clothing counts as IPv4). */
export function networkOf(ip: string): string {
  const four = /^(?:::ffff:)?(\d+\.\d+\.\d+)\.\d+$/i.exec(ip);
  if (four !== null) return `${four[1]}.0/24`;
  const [head = '', tail] = ip.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) while (groups.length < 3) groups.push('0');
  return `${groups.slice(0, 3).join(':')}::/48`;
}

const COMPUTED: Readonly<Record<string, FieldReader>> = {
  'request.step': ({ event: { body } }) => (body.kind === 'request' ? body.actions.map(stepOf) : []),
  'client.network': ({ event: { client } }) => (client === null ? [] : [networkOf(client.ip)]),
};

/** Reader of a field by its short or dotted name. */
export function fieldReader(name: string): FieldReader {
  const computed = COMPUTED[name];
  if (computed !== undefined) return computed;
  const path = PATHS[name] ?? name;
  return (view) => view.field(path);
}

/** Name in the record, for indexing. */
export const fieldPath = (name: string): string => PATHS[name] ?? name;
