/** Which independent aspect of behaviour a finding speaks about. Within one dimension findings do not add up. */
import type { Finding } from '../detector.ts';

const BASELINE_DIMENSIONS: Readonly<Record<string, string>> = {
  'source-network': 'source',
  'session-concurrency': 'source',
  'token-networks': 'credential',
  'hour-of-week': 'time',
  'client-tool': 'client',
  'credential-source': 'credential',
  'group-membership': 'credential',
  'request-rate': 'rate',
  'statement-shapes': 'behaviour',
  programs: 'behaviour',
  objects: 'behaviour',
  'privileged-actions': 'privilege',
  // Another measure than the identity's own history, so another dimension, and a weaker one.
  'peer-groups': 'peers',
  'rows-and-bytes': 'volume',
  'object-volume': 'volume',
  'error-rate': 'errors',
};

/** Shipped rules that their technique would put beside the aspect they speak about. */
const RULE_DIMENSIONS: Readonly<Record<string, string>> = {
  'off-hours-human-high-risk': 'time',
  'off-hours-service-account': 'time',
  'new-tool-privileged': 'client',
  'group-action-mismatch': 'peers',
  'groups-changed-privileged': 'credential',
  'denied-burst': 'errors',
  'request-surge': 'rate',
  'leaver-token': 'leaver',
  'leaver-high-risk': 'leaver',
  'owner-left': 'leaver',
  'owner-left-high-risk': 'leaver',
  'unaudited-requests': 'integrity',
  // The same fact as a first export, and as the volume of changed rows.
  'bulk-export-copy': 'privilege',
  'mass-delete-rows': 'volume',
};

/** ATT&CK techniques by aspect; sub-techniques follow theirs. */
const TECHNIQUE_DIMENSIONS: Readonly<Record<string, string>> = {
  T1078: 'source',
  T1550: 'credential',
  T1087: 'behaviour',
  T1082: 'behaviour',
  T1069: 'behaviour',
  T1046: 'behaviour',
  T1213: 'volume',
  T1530: 'volume',
  T1005: 'volume',
  T1048: 'volume',
  T1030: 'volume',
  T1041: 'volume',
  T1567: 'volume',
  T1098: 'privilege',
  T1136: 'privilege',
  T1485: 'privilege',
  T1565: 'privilege',
  T1059: 'privilege',
  T1027: 'privilege',
  T1505: 'privilege',
  T1546: 'privilege',
  T1003: 'secrets',
  T1552: 'secrets',
  T1555: 'secrets',
  T1562: 'evasion',
  T1070: 'evasion',
  T1053: 'privilege',
  T1543: 'privilege',
  T1548: 'privilege',
  T1105: 'privilege',
  T1204: 'privilege',
  T1496: 'privilege',
  T1572: 'movement',
  T1090: 'movement',
  T1033: 'behaviour',
  T1140: 'privilege',
  T1021: 'movement',
  T1110: 'errors',
};

/**
 * Dimension of a finding: its tag `countersign.dimension.NAME`, else the detector's own, else that of its first known ATT&CK
 * technique, else `rule`.
 */
export function dimensionOf(detector: string, finding: Finding): string {
  for (const tag of finding.tags ?? []) {
    const named = /^countersign\.dimension\.(\w+)$/.exec(tag);
    if (named !== null) return named[1]!;
  }
  const own = BASELINE_DIMENSIONS[detector] ?? RULE_DIMENSIONS[detector];
  if (own !== undefined) return own;
  for (const technique of finding.techniques ?? []) {
    const known = TECHNIQUE_DIMENSIONS[technique.slice(0, 5)];
    if (known !== undefined) return known;
  }
  return 'rule';
}
