import Type from 'typebox';

const days = (what: string, days: number) =>
  Type.Integer({
    description: `How long ${what} stay in the search index, days.`,
    default: days,
    minimum: 1,
    maximum: 36_500,
  });

/** From the topics to the search index. */
export const IngestConfig = Type.Object(
  {
    batchRecordsMax: Type.Integer({
      description: 'Records that are indexed in one step.',
      default: 1000,
      minimum: 1,
      maximum: 10_000,
    }),
    retryDelayMsMin: Type.Integer({
      description:
        'First wait before a failed step is tried again, milliseconds; it doubles with each failure.',
      default: 200,
      minimum: 1,
      maximum: 60_000,
    }),
    retryDelayMsMax: Type.Integer({
      description: 'Longest wait before a failed step is tried again, milliseconds.',
      default: 10_000,
      minimum: 1,
      maximum: 600_000,
    }),
    retention: Type.Object(
      {
        schedule: Type.String({
          description: 'When old documents are deleted: a cron expression with five fields, in UTC.',
          default: '17 3 * * *',
          maxLength: 100,
        }),
        sessionEventsDays: days('session events', 90),
        sessionDataDays: days('pieces of interactive streams', 30),
        detectionsDays: days('detections', 365),
        incidentsDays: days('incidents', 730),
        responsesDays: days('response steps', 730),
        controlDays: days('lockouts, revocations, closures, approvals and grants', 730),
        deadLettersDays: days('dead letters', 90),
      },
      { description: 'How long documents stay in the search index.', default: {} },
    ),
  },
  { description: 'Ingest: from the topics to the search index.', default: {} },
);
export type IngestConfig = Type.Static<typeof IngestConfig>;
