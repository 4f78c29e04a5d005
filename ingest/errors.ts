import { defineErrors, type ErrorDefinitions } from '../platform/errors/errors.ts';

export const definitions = {
  INGEST_UNREADABLE: {
    message: 'A record could not be read: {reason}.',
    hint: 'It is in dead-letters as it was. Look for a producer with another schema, or for somebody who writes to the topic.',
    status: 500,
  },
  INGEST_REJECTED: {
    message: 'The search index refused a document: {reason}.',
    hint: 'Its record is in dead-letters and stays in its topic. Correct what the reason names, then import it again.',
    status: 500,
  },
  INGEST_SCHEDULE_INVALID: {
    message: 'ingest.retention.schedule is no cron expression: {schedule}.',
    hint: 'Write five fields (minute, hour, day, month, weekday), such as "17 3 * * *".',
    status: 500,
  },
  INGEST_STOPPING: {
    message: 'Ingest was stopped before a batch was indexed.',
    hint: 'Nothing to do: the batch is indexed after the next start.',
    status: 503,
  },
  IMPORT_LINE_INVALID: {
    message: 'Line {line} is no session event: {reason}.',
    hint: 'Each line is one session event in the JSON form of schemas/avro/session-event.avsc; correct the line and import it again.',
    status: 400,
  },
} as const satisfies ErrorDefinitions;

export const ingestError = defineErrors(definitions);
