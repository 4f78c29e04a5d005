import Type from 'typebox';

const ms = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: value, minimum, maximum });

/** Spool, sessions, holds, lease and recording of one gateway. */
export const GatewayConfig = Type.Object(
  {
    id: Type.String({
      description: 'Name of this gateway; unique, and the same after a restart.',
      default: 'gateway-1',
      pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$',
    }),
    durability: Type.Union([Type.Literal('process'), Type.Literal('power'), Type.Literal('async')], {
      description:
        'What a request event survives before the command is forwarded: process (kill -9), power (a power cut), async (neither).',
      default: 'process',
    }),
    spoolFolder: Type.String({ description: 'Folder of the spool, absolute.', default: '' }),
    spoolBytesMax: Type.Integer({
      description: 'Bytes of events that may wait for the event log.',
      default: 1_073_741_824,
      minimum: 65_536,
      maximum: 1_099_511_627_776,
    }),
    spoolSegmentBytes: Type.Integer({
      description: 'Bytes after which the spool starts a new file.',
      default: 16_777_216,
      minimum: 4096,
      maximum: 1_073_741_824,
    }),
    onSpoolFull: Type.Union([Type.Literal('deny'), Type.Literal('allow_and_count')], {
      description: 'Requests while the spool cannot take events: refused, or let through and counted.',
      default: 'deny',
    }),
    sessionsMax: Type.Integer({
      description: 'Sessions open at a time.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    sessionsPerIdentityMax: Type.Integer({
      description: 'Sessions open at a time for one identity.',
      default: 1000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    holdMs: ms(
      'Longest hold for a verdict, unless four times the p99 of the log is longer',
      2000,
      10,
      600_000,
    ),
    onDetectionLag: Type.Union(
      [Type.Literal('hold_then_deny'), Type.Literal('deny'), Type.Literal('allow')],
      {
        description:
          'High-risk requests while the detectors lag or are gone: wait out the hold and deny, deny at once, or allow.',
        default: 'hold_then_deny',
      },
    ),
    detectionLagMs: ms(
      'Time without progress after which the detectors count as lagging',
      5000,
      100,
      600_000,
    ),
    drainMs: ms(
      'How long a gateway that was told to end (SIGTERM) lets open sessions go on; it takes no new ones meanwhile',
      2000,
      0,
      86_400_000,
    ),
    checkpointMs: ms('Time between signed checkpoints of the hash chains', 5000, 100, 600_000),
    heartbeatMs: ms('Time between heartbeats', 10_000, 100, 600_000),
    leaseMs: ms('How long a lease holds', 2000, 200, 60_000),
    leaseRenewMs: ms('Time between renewals of the lease', 500, 50, 30_000),
    tokenTtlMsMax: ms('Longest life of a token', 31_536_000_000, 1000, 315_360_000_000),
    scramIterations: Type.Integer({
      description:
        'Iterations of the SCRAM verifier of new tokens (their secrets have 190 bits, so few are enough).',
      default: 4096,
      minimum: 4096,
      maximum: 1_000_000,
    }),
    breakGlassIdentities: Type.Array(Type.String(), {
      description: 'Identity ids that automation never locks out.',
      default: [],
      maxItems: 100,
    }),
    lockoutBudget: Type.Object(
      {
        identitiesMax: Type.Integer({
          description: 'Distinct identities that automation may lock out within the window.',
          default: 20,
          minimum: 1,
          maximum: 100_000,
        }),
        windowMs: ms('Window of the budget', 3_600_000, 1000, 2_592_000_000),
      },
      {
        additionalProperties: false,
        description: 'Bound on what all automation together may lock out.',
        default: {},
      },
    ),
    controlRetentionMs: ms(
      'How long lockouts that have ended and tokens that have expired are kept in the control store',
      2_592_000_000,
      3_600_000,
      315_360_000_000,
    ),
    recordingFolder: Type.String({
      description: 'Folder of recordings on their way to the store, absolute.',
      default: '',
    }),
    recordingLocalBytesMax: Type.Integer({
      description: 'Bytes of recordings that may wait for the recording store; past that, answers wait.',
      default: 4_294_967_296,
      minimum: 1_048_576,
      maximum: 1_099_511_627_776,
    }),
    recordingAheadBytesMax: Type.Integer({
      description: 'Bytes by which answers may run ahead of the recording.',
      default: 262_144,
      minimum: 4096,
      maximum: 16_777_216,
    }),
  },
  { additionalProperties: false, description: 'The gateway.', default: {} },
);
export type GatewayConfig = Type.Static<typeof GatewayConfig>;
