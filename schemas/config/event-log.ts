import Type from 'typebox';

/** The embedded event log (`eventLog`). */
export const EventLogConfig = Type.Object(
  {
    folder: Type.String({
      description: 'Folder of the log; empty: event-log in the data folder.',
      default: '',
    }),
    flush: Type.Union([Type.Literal('process'), Type.Literal('power')], {
      description:
        'When a record counts as durable. process: written to the operating system, survives kill -9. power: flushed to the disk (one fdatasync for all that wait), survives a power cut.',
      default: 'process',
    }),
    segmentBytesMax: Type.Integer({
      description: 'A segment file is closed at this size; retention removes whole segments.',
      default: 16 * 1024 * 1024,
      minimum: 4096,
    }),
    compactedSegmentBytesMax: Type.Integer({
      description: 'The same for compacted topics; only closed segments are compacted.',
      default: 4 * 1024 * 1024,
      minimum: 4096,
    }),
    recordBytesMax: Type.Integer({
      description: 'Largest record (key, headers and value) that is taken, bytes.',
      default: 4 * 1024 * 1024,
      minimum: 1024,
    }),
    tailBytesMax: Type.Integer({
      description: 'Newest records of each partition that are kept in memory for its consumers, bytes.',
      default: 512 * 1024,
      minimum: 0,
    }),
    readBytesMax: Type.Integer({
      description: 'How much a consumer that is behind reads from the disk at once, bytes.',
      default: 256 * 1024,
      minimum: 4096,
    }),
    maintenancePeriodMs: Type.Integer({
      description: 'How often retention and compaction are looked at, milliseconds.',
      default: 30_000,
      minimum: 100,
    }),
    tombstoneRetentionMs: Type.Integer({
      description:
        'How long a tombstone stays in a compacted topic for consumers that are behind, milliseconds.',
      default: 24 * 60 * 60 * 1000,
      minimum: 0,
    }),
    compactionKeysMax: Type.Integer({
      description:
        'Keys that one compaction holds in memory; keys past them stay uncompacted until a later run.',
      default: 500_000,
      minimum: 1,
    }),
    compactionDirtyRatio: Type.Number({
      description: 'A partition is compacted when this share of its closed bytes has not been compacted yet.',
      default: 0.5,
      minimum: 0,
      maximum: 1,
    }),
  },
  {
    additionalProperties: false,
    description: 'The embedded event log: one machine, durable, not a cluster.',
  },
);
export type EventLogConfig = Type.Static<typeof EventLogConfig>;
