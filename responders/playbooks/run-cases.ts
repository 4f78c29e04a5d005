import type { Detection } from '../../schemas/types.ts';
import { effectiveMode, playbookMatches } from './match.ts';
import type { Playbook } from './playbook.ts';

/** A detection that nothing minds: cases say how theirs differs. */
export const HARMLESS: Detection = {
  detectionId: '0'.repeat(32),
  detector: 'case',
  detectorVersion: '1',
  detectorKind: 'rule',
  title: 'A case',
  severity: 'low',
  risk: 0,
  identityRisk: 0,
  reason: 'a case of a playbook',
  figures: [],
  techniques: [],
  tags: [],
  eventId: '00000000-0000-7000-8000-000000000000',
  evidence: [],
  eventTime: 0,
  detectedAt: 0,
  origin: 'gateway',
  exerciseId: null,
  live: true,
  identityId: 'countersign/case',
  identityKind: 'service_account',
  credentialSource: 'ci/case',
  tokenId: 'token-case',
  sessionId: 'session-case',
  requestId: null,
  connection: 'case',
  clientIp: '192.0.2.1',
  partition: 0,
  offset: 0,
};

/** Runs a playbook's own cases; returns what each failed one did instead. */
export function failedCases(playbook: Playbook): string[] {
  return playbook.cases.flatMap(({ name, detection: differing, incidentIdentities, mode, steps }) => {
    const stranger = Object.keys(differing).find((field) => !(field in HARMLESS));
    if (stranger !== undefined) return [`${name}: a detection has no field ${stranger}`];
    const detection: Detection = { ...HARMLESS, ...differing };
    const matches = playbookMatches(playbook, detection, incidentIdentities);
    const done = matches
      ? playbook.steps
          .filter(({ action, parameters }) => action.subject(parameters, detection).ok)
          .map(({ id }) => id)
      : [];
    if (done.join() !== steps.join())
      return [`${name}: expected steps [${steps.join(', ')}], got [${done.join(', ')}]`];
    const got = effectiveMode(playbook, detection, true);
    return mode !== undefined && mode !== got ? [`${name}: expected mode ${mode}, got ${got}`] : [];
  });
}
