/** A link from an incident to everything about it in Kibana's Discover. */
import type { KibanaConfig } from './config/kibana.ts';
import type { Incident } from './types.ts';

/** Id of the saved search that deploy/kibana ships. */
export const INCIDENT_SEARCH = 'countersign-search-incident';

/** An address must stay below what browsers and proxies take: the newest of each kind are named, all have the incident's id. */
const IDS_MAX = 15;
const AROUND_MS = 3_600_000;

type Linked = Pick<Incident, 'incidentId' | 'state' | 'openedAt' | 'updatedAt' | 'detections' | 'sessions'>;

/** A text in Rison, the notation of Kibana's addresses: `!` and `'` are escaped by `!`. */
const rison = (text: string): string =>
  encodeURIComponent(`'${text.replace(/[!']/g, '!$&')}'`).replace(/'/g, '%27');
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
const anyOf = (field: string, ids: readonly string[]): string[] =>
  ids.length === 0 ? [] : [`${field} : (${ids.slice(-IDS_MAX).map(quoted).join(' or ')})`];

/** Undefined where no Kibana is configured. */
export function incidentLink({ url, space }: KibanaConfig, incident: Linked): string | undefined {
  if (url === undefined) return undefined;
  const query = [
    `countersign.incident.id : ${quoted(incident.incidentId)}`,
    ...anyOf('countersign.detection.id', incident.detections),
    ...anyOf('countersign.session.id', incident.sessions),
  ].join(' or ');
  const at = (time: number): string => rison(new Date(time).toISOString());
  const to = incident.state === 'closed' ? at(incident.updatedAt + AROUND_MS) : 'now';
  const base = `${url.replace(/\/+$/, '')}${space === undefined ? '' : `/s/${space}`}`;
  return `${base}/app/discover#/view/${INCIDENT_SEARCH}?_g=(time:(from:${at(incident.openedAt - AROUND_MS)},to:${to}))&_a=(query:(language:kuery,query:${rison(query)}))`;
}
