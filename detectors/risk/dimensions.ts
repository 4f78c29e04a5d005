/** Which independent aspect of behaviour a finding speaks about. Within one dimension findings do not add up. */
import type { Finding } from '../detector.ts';

const BASELINE_DIMENSIONS: Readonly<Record<string, string>> = {
  'source-network': 'source',
  'session-concurrency': 'source',
  'hour-of-week': 'time',
  'client-tool': 'client',
  'credential-source': 'credential',
  'group-membership': 'credential',
  'request-rate': 'rate',
  'statement-shapes': 'behaviour',
  objects: 'behaviour',
  'privileged-actions': 'privilege',
  'peer-groups': 'privilege',
  'rows-and-bytes': 'volume',
  'error-rate': 'errors',
};

/** MITRE tactics as Sigma tags them (both spellings). */
const TACTIC_DIMENSIONS: Readonly<Record<string, string>> = {
  'initial-access': 'source',
  discovery: 'behaviour',
  reconnaissance: 'behaviour',
  collection: 'volume',
  exfiltration: 'volume',
  'privilege-escalation': 'privilege',
  persistence: 'privilege',
  impact: 'privilege',
  execution: 'privilege',
  'credential-access': 'secrets',
  'defense-evasion': 'evasion',
  'lateral-movement': 'movement',
};

/**
 * Dimension of a finding: its tag `countersign.dimension.NAME` (or `dimension.NAME`), else the baseline's, else that of its first
 * ATT&CK tactic, else `rule`.
 */
export function dimensionOf(detector: string, finding: Finding): string {
  for (const tag of finding.tags ?? []) {
    const named = /^(?:countersign\.)?dimension\.(\w+)$/.exec(tag);
    if (named !== null) return named[1]!;
  }
  const own = BASELINE_DIMENSIONS[detector];
  if (own !== undefined) return own;
  for (const tag of finding.tags ?? []) {
    const tactic = TACTIC_DIMENSIONS[tag.replace(/^attack\./, '').replaceAll('_', '-')];
    if (tactic !== undefined) return tactic;
  }
  return 'rule';
}
