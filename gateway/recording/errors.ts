import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  SPOOL_FULL: {
    message: 'The gateway cannot record this command: its spool is full.',
    hint: 'Bring the event log back or give the spool more room (gateway.spoolBytesMax); nothing runs unrecorded.',
    status: 503,
  },
  SPOOL_FAILED: {
    message: 'The gateway cannot record this command: its disk failed ({reason}).',
    hint: 'Check the disk under the spool folder.',
    status: 503,
  },
  SPOOL_CORRUPT: {
    message: 'A file of the spool is damaged: {file} at byte {position}.',
    hint: 'The file was set aside with the ending .corrupt; the missing events show as a gap in their sequence.',
    status: 500,
  },
  RECORDING_ABSENT: {
    message: 'There is no recording {recordingId}.',
    hint: 'It may have been removed by retention, or its session is still open.',
    status: 404,
  },
} as const satisfies ErrorDefinitions;

export const recordingError = defineErrors(definitions);
