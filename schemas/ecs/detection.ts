import type { Detection } from '../types.ts';
import { createEcsBuilder, severityNumber, type EcsDocument } from './ecs-document.ts';
import { setAddress } from './session-parties.ts';
import { techniqueLevels } from './techniques.ts';

/** A detection as an ECS document (event.kind alert); its id is the detection id. `@timestamp` is when the detector spoke. */
export function detectionToEcs(detection: Detection): EcsDocument {
  const { techniques, subtechniques } = techniqueLevels(detection.techniques);
  const ecs = createEcsBuilder(detection.detectedAt, 'countersign.detections')
    .set('event.id', detection.detectionId)
    .set('event.kind', 'alert')
    .set('event.category', ['intrusion_detection'])
    .set('event.type', ['info'])
    .set('event.action', 'detection')
    .set('event.severity', severityNumber(detection.severity))
    .set('event.risk_score', detection.risk)
    .set('event.reason', detection.reason)
    .set('event.start', detection.eventTime)
    .set('message', detection.title)
    .set('rule.name', detection.detector)
    .set('rule.version', detection.detectorVersion)
    .set('rule.category', detection.detectorKind)
    .set('threat.framework', techniques.length > 0 ? 'MITRE ATT&CK' : null)
    .set('threat.technique.id', techniques)
    .set('threat.technique.subtechnique.id', subtechniques)
    .set('tags', detection.tags)
    .set('countersign.detection.id', detection.detectionId)
    .set('countersign.detection.severity', detection.severity)
    .set('countersign.detection.identity_risk', detection.identityRisk)
    .set(
      'countersign.detection.figures',
      detection.figures.map(({ name, value, usual, unit }) =>
        [`${name}: ${value}`, unit, usual === null ? '' : `(usual ${usual})`]
          .filter((part) => part !== '')
          .join(' '),
      ),
    )
    .set('countersign.detection.event_id', detection.eventId)
    .set('countersign.detection.evidence', detection.evidence)
    .set('countersign.detection.live', detection.live)
    .set('countersign.detection.partition', detection.partition)
    .set('countersign.detection.offset', detection.offset)
    .set('countersign.origin', detection.origin)
    .set('countersign.exercise_id', detection.exerciseId)
    .set('user.id', detection.identityId)
    .set('countersign.identity.kind', detection.identityKind)
    .set('countersign.identity.credential_source', detection.credentialSource)
    .set('countersign.identity.token_id', detection.tokenId)
    .set('countersign.session.id', detection.sessionId)
    .set('countersign.request.id', detection.requestId)
    .set('countersign.connection', detection.connection)
    .relate('user', detection.identityId);
  if (detection.clientIp !== null) setAddress(ecs, 'source', detection.clientIp);
  return ecs.build();
}
