/** Names of the topics, how many partitions and how long each is kept (DESIGN: contracts). */
export interface TopicDefinition {
  readonly name: string;
  /** File in schemas/avro that its records are written with. */
  readonly schema: SchemaName;
  /** `single`: always one partition; `many`: as configured. */
  readonly partitions: 'single' | 'many';
  readonly cleanup: 'retention' | 'compact' | 'minutes';
}

export type SchemaName =
  | 'session-event'
  | 'verdict'
  | 'detection'
  | 'incident'
  | 'response'
  | 'control-record'
  | 'rekeyed-event'
  | 'detector-state'
  | 'dead-letter';

export const TOPICS = {
  sessionEvents: {
    name: 'countersign.session-events',
    schema: 'session-event',
    partitions: 'many',
    cleanup: 'retention',
  },
  sessionData: {
    name: 'countersign.session-data',
    schema: 'session-event',
    partitions: 'many',
    cleanup: 'retention',
  },
  verdicts: { name: 'countersign.verdicts', schema: 'verdict', partitions: 'many', cleanup: 'minutes' },
  detections: {
    name: 'countersign.detections',
    schema: 'detection',
    partitions: 'many',
    cleanup: 'retention',
  },
  incidents: { name: 'countersign.incidents', schema: 'incident', partitions: 'many', cleanup: 'compact' },
  responses: { name: 'countersign.responses', schema: 'response', partitions: 'many', cleanup: 'retention' },
  control: {
    name: 'countersign.control',
    schema: 'control-record',
    partitions: 'single',
    cleanup: 'compact',
  },
  rekeyedEvents: {
    name: 'countersign.rekeyed-events',
    schema: 'rekeyed-event',
    partitions: 'many',
    cleanup: 'retention',
  },
  detectorState: {
    name: 'countersign.detector-state',
    schema: 'detector-state',
    partitions: 'many',
    cleanup: 'compact',
  },
  deadLetters: {
    name: 'countersign.dead-letters',
    schema: 'dead-letter',
    partitions: 'many',
    cleanup: 'retention',
  },
} as const satisfies Record<string, TopicDefinition>;
