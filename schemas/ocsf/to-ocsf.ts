/** Records of our topics as OCSF events. */
import type { SchemaTypes } from '../codec.ts';
import { controlRecordId } from '../ecs/control-record.ts';
import { controlRecordToOcsf } from './control-record.ts';
import { detectionToOcsf, incidentToOcsf, responseStepToOcsf } from './findings.ts';
import type { OcsfEvent } from './ocsf-event.ts';
import { sessionEventToOcsf } from './session-event.ts';

const MAPPINGS: { readonly [S in keyof SchemaTypes]?: (record: SchemaTypes[S]) => OcsfEvent | undefined } = {
  'session-event': sessionEventToOcsf,
  detection: detectionToOcsf,
  incident: incidentToOcsf,
  response: responseStepToOcsf,
  'control-record': (record) => controlRecordToOcsf(record, controlRecordId(record)),
};

/** A record as an OCSF 1.5.0 event; undefined where OCSF has no class for it (heartbeats, checkpoints, dead letters, ...). */
export function toOcsf<S extends keyof SchemaTypes>(
  schema: S,
  record: SchemaTypes[S],
): OcsfEvent | undefined {
  return MAPPINGS[schema]?.(record);
}
