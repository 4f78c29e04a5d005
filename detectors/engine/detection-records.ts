import { sha256Hex } from '../../platform/digest/sha256.ts';

import type { Finding } from '../detector.ts';
import type { Detection, DetectorKind, SessionEvent, Severity } from '../../schemas/types.ts';

/** First 16 bytes of SHA-256 over detector, version and event, as hex: a replay makes the same id. */
export function detectionId(detector: string, version: string, eventId: string): string {
  return sha256Hex(JSON.stringify([detector, version, eventId]), 32);
}

export interface Trigger {
  readonly event: SessionEvent;
  readonly partition: number;
  readonly offset: number;
  readonly live: boolean;
  readonly now: number;
}

export interface Said {
  readonly detector: string;
  readonly version: string;
  readonly kind: DetectorKind;
  readonly finding: Finding;
}

const RANK: readonly Severity[] = ['informational', 'low', 'medium', 'high', 'critical'];
const EVIDENCE_MAX = 100;

/** One detector makes one detection per event: the strongest finding, with the other reasons behind it. */
export function mergeFindings(findings: readonly Finding[]): Finding | undefined {
  const [strongest, ...rest] = [...findings].sort(
    (a, b) => b.risk - a.risk || RANK.indexOf(b.severity) - RANK.indexOf(a.severity),
  );
  if (strongest === undefined || rest.length === 0) return strongest;
  return {
    ...strongest,
    reason: [strongest, ...rest].map(({ reason }) => reason).join('; '),
    evidence: [...new Set(findings.flatMap(({ evidence }) => evidence ?? []))],
  };
}

/** The record of what a detector said about an event. */
export function makeDetection(said: Said, trigger: Trigger, identityRisk: number): Detection {
  const { event } = trigger;
  const { finding } = said;
  return {
    detectionId: detectionId(said.detector, said.version, event.eventId),
    detector: said.detector,
    detectorVersion: said.version,
    detectorKind: said.kind,
    title: finding.title,
    severity: finding.severity,
    risk: Math.round(Math.min(100, Math.max(0, finding.risk))),
    identityRisk,
    reason: finding.reason.slice(0, 4096),
    figures: [...(finding.figures ?? [])],
    techniques: [...(finding.techniques ?? [])],
    tags: [...(finding.tags ?? [])],
    eventId: event.eventId,
    evidence: (finding.evidence ?? []).slice(0, EVIDENCE_MAX),
    eventTime: event.time,
    detectedAt: trigger.now,
    origin: event.origin,
    exerciseId: event.exerciseId,
    live: trigger.live,
    identityId: event.identity?.id ?? null,
    identityKind: event.identity?.kind ?? 'unknown',
    credentialSource: event.identity?.credentialSource ?? null,
    tokenId: event.identity?.tokenId ?? null,
    sessionId: event.session?.id ?? null,
    requestId: event.requestId,
    connection: event.target?.connection ?? null,
    clientIp: event.client?.ip ?? null,
    partition: trigger.partition,
    offset: trigger.offset,
  };
}
