import type { Detection, Severity } from '../../schemas/types.ts';
import type { Playbook } from './playbook.ts';
import { SEVERITY_NAMES, type PlaybookMode } from './schema.ts';

/** `*` stands for any characters; everything else is taken as it is. */
export function matchesPattern(pattern: string, value: string): boolean {
  const parts = pattern.split('*');
  if (parts.length === 1) return pattern === value;
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last))
    return false;
  const end = value.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

const anyPattern = (patterns: readonly string[] | undefined, value: string | null): boolean =>
  patterns === undefined || (value !== null && patterns.some((pattern) => matchesPattern(pattern, value)));
const anyOf = (allowed: readonly string[] | undefined, value: string): boolean =>
  allowed === undefined || allowed.includes(value);
const atLeast = (bound: number | undefined, value: number): boolean => bound === undefined || value >= bound;
const rank = (severity: Severity): number => SEVERITY_NAMES.indexOf(severity);

/** Do trigger and conditions of the playbook hold for the detection, in an incident with so many identities? */
export function playbookMatches(playbook: Playbook, detection: Detection, incidentIdentities = 1): boolean {
  const { trigger, conditions } = playbook;
  const labels = [...detection.tags, ...detection.techniques];
  return (
    anyPattern(trigger.detectors, detection.detector) &&
    anyOf(trigger.kinds, detection.detectorKind) &&
    (trigger.tags === undefined || trigger.tags.some((tag) => labels.includes(tag))) &&
    atLeast(trigger.riskMin, detection.risk) &&
    atLeast(trigger.identityRiskMin, detection.identityRisk) &&
    (trigger.severityMin === undefined || rank(detection.severity) >= rank(trigger.severityMin)) &&
    anyOf(conditions.identityKinds, detection.identityKind) &&
    anyPattern(conditions.identities, detection.identityId) &&
    anyPattern(conditions.connections, detection.connection) &&
    anyPattern(conditions.credentialSources, detection.credentialSource) &&
    anyOf(conditions.origins, detection.origin) &&
    atLeast(conditions.incidentIdentitiesMin, incidentIdentities)
  );
}

/**
 * What the mode comes down to for this detection: only live ones may act, exercises in their own name space included.
 * `fresh`: it is not older than automation may act on.
 */
export function effectiveMode(playbook: Playbook, detection: Detection, fresh: boolean): PlaybookMode {
  if (playbook.mode !== 'act') return playbook.mode;
  const ownNameSpace = detection.origin === 'exercise' && detection.exerciseId !== null;
  const mayAct = detection.live && fresh && (detection.origin === 'gateway' || ownNameSpace);
  return mayAct ? 'act' : 'ask';
}
