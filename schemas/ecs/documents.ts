/** Every topic that is searchable: its index, its schema, and how a record becomes a document. */
import type { SchemaTypes } from '../codec.ts';
import { TOPICS } from '../topics.ts';
import { controlRecordId, controlRecordToEcs } from './control-record.ts';
import { deadLetterId, deadLetterToEcs } from './dead-letter.ts';
import { detectionToEcs } from './detection.ts';
import type { EcsDocument, PutField } from './ecs-document.ts';
import { incidentToEcs } from './incident.ts';
import { responseStepId, responseStepToEcs } from './response-step.ts';
import { putSessionEvent, sessionEventToEcs } from './session-event.ts';

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
  /** Gives the fields of that document one after the other, each once; present where there are many, for which an object costs too much. */
  put?(record: SchemaTypes[S], put: PutField): void;
  /** Id and version alone. */
  name(record: SchemaTypes[S]): Pick<MappedDocument, 'id' | 'version'>;
}

interface Parts<S extends keyof SchemaTypes> {
  readonly name: DocumentMapping<S>['name'];
  readonly document: (record: SchemaTypes[S], dataset: string) => EcsDocument;
  readonly put?: (put: PutField, record: SchemaTypes[S], dataset: string) => void;
}

/** Binds a mapping to its schema's type, then forgets it, so that mappings fit one list. */
function mapping<S extends keyof SchemaTypes>(
  topic: { readonly name: string; readonly schema: S },
  write: 'create' | 'upsert',
  { name, document, put }: Parts<S>,
): DocumentMapping {
  const made: DocumentMapping<S> = {
    topic: topic.name,
    index: topic.name.replace(/^countersign\./, ''),
    schema: topic.schema,
    write,
    name,
    map: (record) => ({ ...name(record), document: document(record, topic.name) }),
    ...(put === undefined ? {} : { put: (record, take) => put(take, record, topic.name) }),
  };
  return made;
}

const SESSION_EVENT: Parts<'session-event'> = {
  name: ({ eventId }) => ({ id: eventId }),
  document: sessionEventToEcs,
  put: putSessionEvent,
};

export const DOCUMENT_MAPPINGS: readonly DocumentMapping[] = [
  mapping(TOPICS.sessionEvents, 'create', SESSION_EVENT),
  mapping(TOPICS.sessionData, 'create', SESSION_EVENT),
  mapping(TOPICS.detections, 'create', {
    name: ({ detectionId }) => ({ id: detectionId }),
    document: detectionToEcs,
  }),
  mapping(TOPICS.incidents, 'upsert', {
    name: ({ incidentId, version }) => ({ id: incidentId, version }),
    document: incidentToEcs,
  }),
  mapping(TOPICS.responses, 'create', {
    name: (step) => ({ id: responseStepId(step) }),
    document: responseStepToEcs,
  }),
  mapping(TOPICS.control, 'upsert', {
    name: (record) => ({ id: controlRecordId(record), version: record.revision }),
    document: controlRecordToEcs,
  }),
  mapping(TOPICS.deadLetters, 'create', {
    name: (letter) => ({ id: deadLetterId(letter) }),
    document: deadLetterToEcs,
  }),
];
