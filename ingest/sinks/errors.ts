import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  SINK_INVALID: {
    message: 'The sink {name} cannot be used: {reason}.',
    hint: 'Look at `sinks` in the configuration; docs/siem.md has an example of each kind.',
    status: 400,
  },
  SINK_NAME_TWICE: {
    message: 'Two sinks have the name {name}.',
    hint: 'Give each sink a name of its own: its offsets are kept under it.',
    status: 400,
  },
  SINK_REFUSED: {
    message: 'The receiver of a sink refused a record: {reason}.',
    hint: 'It is in dead-letters as it was. Look at what the receiver says it wants, then replay it.',
    status: 500,
  },
  SINK_UNDELIVERABLE: {
    message: 'The receiver of a sink failed on a record each time: {reason}.',
    hint: 'It is in dead-letters as it was. Look at the log of the receiver, then replay it.',
    status: 500,
  },
  SINK_UNREADABLE: {
    message: 'A record for a sink could not be read: {reason}.',
    hint: 'It is in dead-letters as it was. Look for a producer with another schema, or for somebody who writes to the topic.',
    status: 500,
  },
  SINK_STOPPING: {
    message: 'A sink was stopped before a batch was delivered.',
    hint: 'Nothing to do: the batch is sent after the next start.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

export const sinkError = defineErrors(definitions);
