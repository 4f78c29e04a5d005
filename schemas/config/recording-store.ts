import Type from 'typebox';

/** The recording store in a folder (`recordingStore`). */
export const RecordingStoreConfig = Type.Object(
  {
    folder: Type.String({
      description: 'Folder of the recordings; empty: recordings in the data folder.',
      default: '',
    }),
    chunkBytesMax: Type.Integer({
      description:
        'Largest chunk or manifest that is taken, bytes. Chunks are cut at 4 MiB and end with the piece they are in, so that it must be clearly more.',
      default: 16 * 1024 * 1024,
      minimum: 8 * 1024 * 1024,
    }),
  },
  { additionalProperties: false, description: 'Recordings as files in one folder.' },
);
export type RecordingStoreConfig = Type.Static<typeof RecordingStoreConfig>;
