import Type from 'typebox';

/** The detectors: engine, baselines and identity risk. */
export const DetectorsConfig = Type.Object(
  {
    directoryFile: Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
      description: 'YAML file with people, owners of accounts, leavers and time zones; null: none.',
      default: null,
    }),
    riskLevel: Type.Number({
      description: 'Identity risk (0-100) that is a detection of its own.',
      default: 80,
      minimum: 1,
      maximum: 100,
    }),
    riskHalfLifeMs: Type.Integer({
      description: 'After so long (event time, milliseconds) a sign counts half.',
      default: 1_800_000,
      minimum: 1000,
      maximum: 604_800_000,
    }),
    learnRiskMax: Type.Number({
      description: 'At or above this identity risk nothing is learned from its events.',
      default: 70,
      minimum: 1,
      maximum: 100,
    }),
    learnAgainAfterMs: Type.Integer({
      description:
        'Where no incident was opened, learning goes on so long after the risk last reached riskLevel, milliseconds.',
      default: 86_400_000,
      minimum: 60_000,
      maximum: 2_592_000_000,
    }),
    lateMsMax: Type.Integer({
      description:
        'Events this much older than the newest of their identity are judged, not learned from, milliseconds.',
      default: 600_000,
      minimum: 0,
      maximum: 86_400_000,
    }),
    liveAgeMsMax: Type.Integer({
      description: 'Automation may act on gateway events younger than this, milliseconds.',
      default: 300_000,
      minimum: 1000,
      maximum: 3_600_000,
    }),
    gapWaitMsMax: Type.Integer({
      description:
        'A gap in a session waits so long for the missing event, then it is a detection, milliseconds.',
      default: 1000,
      minimum: 10,
      maximum: 60_000,
    }),
    batchRecordsMax: Type.Integer({
      description: 'Events taken from a partition at once.',
      default: 500,
      minimum: 1,
      maximum: 10_000,
    }),
    statesMax: Type.Integer({
      description:
        'Identities whose state is held in memory per partition; the others stand in the changelog.',
      default: 2000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    commitPeriodMs: Type.Integer({
      description: 'How often state and offsets are written, milliseconds.',
      default: 2000,
      minimum: 10,
      maximum: 600_000,
    }),
    commitEventsMax: Type.Integer({
      description: 'State and offsets are written after so many events at the latest.',
      default: 5000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    lagPeriodMs: Type.Integer({
      description: 'How often the lag is measured, milliseconds.',
      default: 1000,
      minimum: 100,
      maximum: 60_000,
    }),
  },
  { description: 'The detectors.', default: {}, additionalProperties: false },
);
export type DetectorsConfig = Type.Static<typeof DetectorsConfig>;
