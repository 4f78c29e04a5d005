import Type from 'typebox';

/** Where a process answers `/healthz`, `/readyz` and `/metrics` to whoever watches over it. */
export const HealthConfig = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      maxLength: 255,
      description:
        'Address to listen on. Plain HTTP without a token: only what starts and watches the processes should reach it.',
      default: '127.0.0.1',
    }),
    port: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description:
          'Port; 0 takes a free one. Absent: none in a process with the gateway, whose control API answers the same paths; a free one in any other.',
      }),
    ),
    awayMs: Type.Integer({
      description:
        'A detector or responder process that cannot reach the event log (or a responder: any gateway) for so long is not ready, milliseconds.',
      default: 10_000,
      minimum: 100,
      maximum: 600_000,
    }),
  },
  {
    additionalProperties: false,
    description: 'Health and figures of a process that runs without the gateway.',
    default: {},
  },
);
export type HealthConfig = Type.Static<typeof HealthConfig>;
