import Type from 'typebox';

/** The embedded search index. */
export const SearchIndexConfig = Type.Object(
  {
    cacheBytesMax: Type.Integer({
      description: 'Memory for pages of the index, bytes.',
      default: 64 * 1024 * 1024,
      minimum: 1024 * 1024,
      maximum: 16 * 1024 * 1024 * 1024,
    }),
    callsWaitingMax: Type.Integer({
      description: 'Searches and writes that may wait for the index; more are refused.',
      default: 1000,
      minimum: 1,
      maximum: 100_000,
    }),
  },
  { description: 'The search index.', default: {} },
);
export type SearchIndexConfig = Type.Static<typeof SearchIndexConfig>;
