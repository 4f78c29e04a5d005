import Type from 'typebox';

/** The recording store in a folder (`recordingStore`). */
export const RecordingStoreConfig = Type.Object(
  {
    folder: Type.String({
      description: 'Folder of the recordings; made where absent.',
      default: '.data/recordings',
      minLength: 1,
    }),
    chunkBytesMax: Type.Integer({
      description: 'Largest chunk or manifest that is taken, bytes.',
      default: 16 * 1024 * 1024,
      minimum: 1024,
    }),
  },
  { additionalProperties: false, description: 'Recordings as files in one folder.' },
);
export type RecordingStoreConfig = Type.Static<typeof RecordingStoreConfig>;
