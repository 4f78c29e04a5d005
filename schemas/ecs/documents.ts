/** Every topic that is searchable: its index, its schema, and how a record becomes a document. */
import type { SchemaTypes } from '../codec.ts';
import { TOPICS } from '../topics.ts';
import { controlRecordId, controlRecordToEcs } from './control-record.ts';
import { deadLetterId, deadLetterToEcs } from './dead-letter.ts';
import { detectionToEcs } from './detection.ts';
import type { EcsDocument } from './ecs-document.ts';
import { incidentToEcs } from './incident.ts';
import { responseStepId, responseStepToEcs } from './response-step.ts';
import { sessionEventToEcs } from './session-event.ts';

export interface MappedDocument {
  readonly id: string;
  readonly document: EcsDocument;
  /** For topics whose records replace earlier ones. */
  readonly version?: number;
}

export interface DocumentMapping<S extends keyof SchemaTypes = keyof SchemaTypes> {
  readonly topic: string;
  readonly index: string;
  readonly schema: S;
  /** create: each record is a document of its own; upsert: the highest version of an id wins. */
  readonly write: 'create' | 'upsert';
  map(record: SchemaTypes[S]): MappedDocument;
}

/** Binds a mapping to its schema's type, then forgets it, so that mappings fit one list. */
function mapping<S extends keyof SchemaTypes>(
  topic: { readonly name: string; readonly schema: S },
  write: 'create' | 'upsert',
  map: (record: SchemaTypes[S]) => MappedDocument,
): DocumentMapping {
  return {
    topic: topic.name,
    index: topic.name.replace(/^countersign\./, ''),
    schema: topic.schema,
    write,
    map,
  };
}

export const DOCUMENT_MAPPINGS: readonly DocumentMapping[] = [
  mapping(TOPICS.sessionEvents, 'create', (event) => ({
    id: event.eventId,
    document: sessionEventToEcs(event),
  })),
  mapping(TOPICS.sessionData, 'create', (event) => ({
    id: event.eventId,
    document: sessionEventToEcs(event, TOPICS.sessionData.name),
  })),
  mapping(TOPICS.detections, 'create', (detection) => ({
    id: detection.detectionId,
    document: detectionToEcs(detection),
  })),
  mapping(TOPICS.incidents, 'upsert', (incident) => ({
    id: incident.incidentId,
    document: incidentToEcs(incident),
    version: incident.version,
  })),
  mapping(TOPICS.responses, 'create', (step) => ({
    id: responseStepId(step),
    document: responseStepToEcs(step),
  })),
  mapping(TOPICS.control, 'upsert', (record) => ({
    id: controlRecordId(record),
    document: controlRecordToEcs(record),
    version: record.revision,
  })),
  mapping(TOPICS.deadLetters, 'create', (letter) => ({
    id: deadLetterId(letter),
    document: deadLetterToEcs(letter),
  })),
];
