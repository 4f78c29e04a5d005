import Type from 'typebox';
import { SecretReference } from './secret.ts';

const notifierName = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Name that playbooks use.',
});

export const NotifierConfig = Type.Union([
  Type.Object(
    { name: notifierName, kind: Type.Literal('log', { description: "Writes to the program's log." }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      name: notifierName,
      kind: Type.Literal('webhook', { description: 'HTTP POST, signed as Standard Webhooks has it.' }),
      url: Type.String({ pattern: '^https?://', maxLength: 2048, description: 'Where to post.' }),
      secret: SecretReference,
    },
    { additionalProperties: false },
  ),
]);
export type NotifierConfig = Type.Static<typeof NotifierConfig>;

/** How responders reach the gateways, where none runs in their process. */
export const RespondersControlApi = Type.Object(
  {
    urls: Type.Array(
      Type.String({
        pattern: '^https?://[^@/?#]+/?$',
        maxLength: 512,
        description: 'Control API of a gateway; plain http on loopback only.',
      }),
      {
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
        description: 'All gateways. The first that answers is called; when it fails, the next.',
      },
    ),
    token: SecretReference,
    caFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Authority of the gateways' certificates, PEM, besides the usual public ones.",
      }),
    ),
    connectTimeoutMs: Type.Integer({
      description: 'A gateway that does not take a connection for so long is passed over, milliseconds.',
      default: 500,
      minimum: 10,
      maximum: 60_000,
    }),
    probePeriodMs: Type.Integer({
      description: 'How often each gateway is asked whether it is ready, milliseconds.',
      default: 1000,
      minimum: 50,
      maximum: 60_000,
    }),
  },
  {
    additionalProperties: false,
    description:
      'Where the control API of each gateway is. Needed where responders run without a gateway in their process; its token needs the scope `contain`.',
  },
);
export type RespondersControlApi = Type.Static<typeof RespondersControlApi>;

/** Incidents, playbooks and what they do. */
export const RespondersConfig = Type.Object(
  {
    instance: Type.String({
      description:
        'Name of this responder among all; its log writer is fenced by it. Empty: the name of the process (docs/operations.md).',
      default: '',
      pattern: '^([a-z0-9][a-z0-9-]{0,62})?$',
    }),
    controlApi: Type.Optional(RespondersControlApi),
    playbookFolders: Type.Array(Type.String({ minLength: 1 }), {
      description:
        'Folders with playbooks of your own (*.yml); one with the name of a shipped one replaces it.',
      default: [],
      maxItems: 32,
    }),
    playbooksOff: Type.Array(Type.String({ minLength: 1 }), {
      description: 'Names of playbooks that shall not run.',
      default: [],
      maxItems: 1000,
    }),
    incidentRiskMin: Type.Number({
      description: 'A detection of this risk or more opens an incident (so does severity high or more).',
      default: 50,
      minimum: 0,
      maximum: 100,
    }),
    actAgeMsMax: Type.Integer({
      description: 'Detections older than this are not acted on: a person is asked. Milliseconds.',
      default: 300_000,
      minimum: 1000,
      maximum: 86_400_000,
    }),
    runsMax: Type.Integer({
      description: 'Detections that may be worked on at once; more wait in the log.',
      default: 1000,
      minimum: 1,
      maximum: 100_000,
    }),
    incidentsOpenMax: Type.Integer({
      description: 'Incidents kept in memory; the oldest closed ones go first.',
      default: 50_000,
      minimum: 100,
      maximum: 10_000_000,
    }),
    stepsRememberedMax: Type.Integer({
      description: 'Response steps kept in memory, so that none is done twice; the oldest finished go first.',
      default: 100_000,
      minimum: 100,
      maximum: 10_000_000,
    }),
    attemptsMax: Type.Integer({
      description: 'Tries of one step that fails for a passing reason.',
      default: 6,
      minimum: 1,
      maximum: 100,
    }),
    retryDelayMs: Type.Integer({
      description: 'Wait before the second try; doubles with each further one. Milliseconds.',
      default: 100,
      minimum: 1,
      maximum: 60_000,
    }),
    retryDelayMsMax: Type.Integer({
      description: 'Longest wait between tries, milliseconds.',
      default: 5000,
      minimum: 1,
      maximum: 600_000,
    }),
    callTimeoutMs: Type.Integer({
      description: 'A call of the control API or of a webhook that takes longer has failed, milliseconds.',
      default: 10_000,
      minimum: 100,
      maximum: 120_000,
    }),
    notifiers: Type.Array(NotifierConfig, {
      description: 'Where notifications go. The notifier `log` is always there.',
      default: [],
      maxItems: 100,
    }),
  },
  {
    description: 'Responders: incidents, playbooks, notifications.',
    default: {},
    additionalProperties: false,
  },
);
export type RespondersConfig = Type.Static<typeof RespondersConfig>;
