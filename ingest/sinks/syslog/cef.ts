/**
 * ArcSight Common Event Format, version 0 ("Implementing ArcSight Common Event Format", revision 25):
 *
 *   CEF:0|Device Vendor|Device Product|Device Version|Signature ID|Name|Severity|key=value key=value
 *
 * In the header `|` and `\` are escaped, in values of the extension `=` and `\`, and line breaks are written as \n and \r.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { EcsValue } from '../../../schemas/ecs/ecs-document.ts';
import { namedTechniques } from '../../../schemas/ecs/techniques.ts';

type Fields = Readonly<Record<string, EcsValue>>;

/** Longest values that ArcSight's dictionary allows, by key; 1,023 where none is named. */
const CHARS_MAX: Readonly<Record<string, number>> = {
  act: 63,
  app: 31,
  cs1: 4000,
  cs2: 4000,
  cs3: 4000,
  cs4: 4000,
  cs5: 4000,
  cs6: 4000,
  dvchost: 100,
  externalId: 40,
  outcome: 63,
};
const CHARS_MAX_ELSE = 1023;
const HEADER_CHARS_MAX = { version: 31, signature: 1023, name: 512 } as const;

const list = (value: EcsValue | undefined, separator = ','): string =>
  value === undefined || value === null ? '' : Array.isArray(value) ? value.join(separator) : String(value);

const textsOf = (value: EcsValue | undefined): string[] =>
  value === undefined || value === null ? [] : [value].flat().map(String);

const header = (text: string, charsMax: number): string =>
  text
    .replace(/[\r\n]+/g, ' ')
    .slice(0, charsMax)
    .toWellFormed()
    .replace(/[\\|]/g, '\\$&');

const extension = (text: string): string =>
  text.toWellFormed().replace(/[\\=]/g, '\\$&').replace(/\r/g, '\\r').replace(/\n/g, '\\n');

/** Title of what has none of its own. */
function nameOf(fields: Fields): string {
  const action = list(fields['event.action']).replaceAll('_', ' ');
  if (fields['event.kind'] === 'alert' && fields['message'] !== undefined) return list(fields['message']);
  return action === '' ? list(fields['event.dataset']) : `${action[0]!.toUpperCase()}${action.slice(1)}`;
}

function address(fields: Fields, side: 'source' | 'destination'): [string, string][] {
  const ip = list(fields[`${side}.ip`]);
  const [v4, v6, label, host] =
    side === 'source'
      ? (['src', 'c6a2', 'Source IPv6 Address', 'shost'] as const)
      : (['dst', 'c6a3', 'Destination IPv6 Address', 'dhost'] as const);
  if (isIPv4(ip)) return [[v4, ip]];
  if (isIPv6(ip))
    return [
      [v6, ip],
      [`${v6}Label`, label],
    ];
  return [[host, list(fields[`${side}.domain`])]];
}

/** A custom field and its label; nothing without a value. */
const labelled = (key: string, label: string, value: EcsValue | undefined): [string, string][] => {
  const text = list(value);
  return text === ''
    ? []
    : [
        [key, text],
        [`${key}Label`, label],
      ];
};

/** The extension's keys and values, unescaped, in order; without those that have no value. */
export function cefExtension(fields: Fields): Record<string, string> {
  const of = (field: string): string => list(fields[field]);
  const isAlert = fields['event.kind'] === 'alert';
  const pairs: [string, string][] = [
    ['rt', of('@timestamp')],
    ['externalId', of('event.id')],
    ['cat', of('event.dataset')],
    ['act', of('countersign.decision.outcome') || of('event.action')],
    ['outcome', of('event.outcome')],
    ['reason', of('event.reason') || of('error.code')],
    ['msg', isAlert ? of('event.reason') : of('message') || of('error.message')],
    ['start', of('event.start')],
    ['end', of('event.end')],
    ['suid', of('user.id')],
    ['suser', of('user.name') || of('user.id')],
    ['spriv', of('user.roles')],
    ...address(fields, 'source'),
    ['spt', of('source.port')],
    ...address(fields, 'destination'),
    ['dpt', of('destination.port')],
    ['duser', of('destination.user.name')],
    ['out', of('destination.bytes')],
    ['app', of('network.protocol')],
    ['destinationServiceName', of('countersign.connection')],
    ['requestClientApplication', [of('user_agent.name'), of('user_agent.version')].filter(Boolean).join('/')],
    ['dvchost', of('observer.name')],
    ['cnt', of('countersign.incident.detection_count')],
    ...labelled('cs1', 'sessionId', fields['countersign.session.id']),
    ...labelled('cs2', 'incidentId', fields['countersign.incident.id']),
    ...labelled('cs3', 'credentialSource', fields['countersign.identity.credential_source']),
    ...labelled('cs4', 'deliveryId', fields['countersign.delivery.id']),
    ...labelled(
      'cs5',
      'rule',
      fields['countersign.decision.rule'] ?? fields['rule.name'] ?? fields['countersign.playbook.name'],
    ),
    ...labelled('cs6', 'objects', fields['countersign.request.touched']),
    ...labelled(
      'cn1',
      'riskScore',
      fields['event.risk_score'] ?? fields['countersign.detection.identity_risk'],
    ),
    ...labelled('cn2', 'rows', fields['countersign.response.rows'] ?? fields['countersign.session.rows']),
    ...labelled(
      'flexString1',
      'techniques',
      namedTechniques(
        textsOf(fields['threat.technique.id']),
        textsOf(fields['threat.technique.subtechnique.id']),
      ),
    ),
    ...labelled('flexString2', 'tokenId', fields['countersign.identity.token_id']),
  ];
  return Object.fromEntries(
    pairs
      .filter(([, value]) => value !== '')
      .map(([key, value]) => [key, value.slice(0, CHARS_MAX[key] ?? CHARS_MAX_ELSE).toWellFormed()]),
  );
}

/** Keys that tell records apart or lead from one to another. */
export const CEF_WHOLE = new Set([
  'rt',
  'externalId',
  'cat',
  'act',
  'outcome',
  'suid',
  'src',
  'c6a2',
  'dst',
  'c6a3',
  'cs4',
]);

/** A whole CEF message from a document and its extension. */
export function formatCef(
  version: string,
  fields: Fields,
  extensions: Readonly<Record<string, EcsValue>>,
): string {
  const signature =
    list(fields['rule.name']) || list(fields['event.action']) || list(fields['event.dataset']);
  const severity = Math.round(Math.min(100, Math.max(0, Number(fields['event.severity'] ?? 0))) / 10);
  const head = [
    'CEF:0',
    'Countersign',
    'Countersign',
    header(version, HEADER_CHARS_MAX.version),
    header(signature, HEADER_CHARS_MAX.signature),
    header(nameOf(fields), HEADER_CHARS_MAX.name),
    String(severity),
  ].join('|');
  const pairs = Object.entries(extensions).map(([key, value]) => `${key}=${extension(String(value))}`);
  return `${head}|${pairs.join(' ')}`;
}
