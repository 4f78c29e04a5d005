import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  RECORDING_ID_INVALID: {
    message: 'The recording id is not a UUID.',
    hint: 'Use the id as `countersign session ls` prints it.',
    status: 400,
  },
  RECORDING_CHUNK_CONFLICT: {
    message: 'Chunk {index} of recording {recordingId} is stored already with other bytes.',
    hint: 'Nothing was overwritten. Two writers use one recording id: look for a second gateway with a copied data folder.',
    status: 409,
  },
  RECORDING_CHUNK_TOO_LARGE: {
    message:
      'A chunk or manifest of {bytes} bytes for recording {recordingId} is over the bound of {bytesMax}.',
    hint: 'Write smaller chunks, or raise chunkBytesMax.',
    status: 413,
  },
  RECORDING_CHUNK_INDEX_INVALID: {
    message: 'Chunk index {index} of recording {recordingId} is not a whole number from 0 to 9999999.',
    hint: 'Chunks are counted from 0.',
    status: 400,
  },
  RECORDING_VERIFY_FAILED: {
    message: 'What was written of recording {recordingId} ({name}) did not read back as it was.',
    hint: 'The local copy is kept and written again later. Check the disk of the recording store.',
    status: 500,
  },
  RECORDING_MANIFEST_CORRUPT: {
    message: 'The manifest of recording {recordingId} is damaged.',
    hint: 'The chunks stay readable one by one. Restore the manifest from a backup, or verify the session by its events.',
    status: 500,
  },
  RECORDING_STORE_FULL: {
    message: 'The disk of the recording store is full; recording {recordingId} took nothing.',
    hint: 'Free space there, or shorten the retention of recordings. Local copies are kept until they are stored.',
    status: 507,
  },
  RECORDING_STORE_CLOSED: {
    message: 'The recording store is closed.',
    hint: 'The program is stopping; try again when it runs.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

/** Makes an error of this room. */
export const recordingError = defineErrors(definitions);
