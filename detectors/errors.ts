import { defineErrors, type ErrorDefinitions } from '../platform/errors/errors.ts';

export const definitions = {
  DETECTORS_DIRECTORY_INVALID: {
    message: 'The directory of people and accounts has a mistake: {problems}',
    hint: 'Mend the line that is named; until then the directory that was read before stays in force.',
    status: 400,
  },
  DETECTORS_DIRECTORY_UNREADABLE: {
    message: 'The directory file {file} cannot be read: {reason}',
    hint: 'Check the path in detectors.directoryFile and its rights.',
    status: 500,
  },
  DETECTORS_STATE_TOO_LARGE: {
    message: 'The state of {key} has {bytes} bytes, more than {bytesMax}.',
    hint: 'A detector keeps too much for one key; report it with the name of the detector that was added last.',
    status: 500,
  },
  DETECTORS_STATE_UNREADABLE: {
    message: 'The state of {key} cannot be read back from the changelog.',
    hint: 'Check the topic countersign.detector-state; its records must be compacted, never deleted by age.',
    status: 500,
  },
  DETECTORS_CHANGELOG_UNREADABLE: {
    message: 'A record of countersign.detector-state cannot be read: {reason}',
    hint: 'The state that it would have replaced stands. Look for who writes to this topic besides the detectors.',
    status: 422,
  },
  DETECTORS_PARTITION_LOST: {
    message:
      'The state of {component}/{partition} belongs to another process now; nothing more of it is written here.',
    hint: 'Nothing is to be done: the other process goes on from the last commit. Where it happens again and again, look for processes that stall.',
    status: 409,
  },
  DETECTORS_EVENT_UNREADABLE: {
    message: 'A session event cannot be read: {reason}',
    hint: 'Look at the dead letter; the identity that wrote it has a detection.',
    status: 422,
  },
} as const satisfies ErrorDefinitions;

export const detectorsError = defineErrors(definitions);
