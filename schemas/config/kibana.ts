import Type from 'typebox';

/** Where analysts look at what is in Elasticsearch (docs/kibana.md). */
export const KibanaConfig = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        pattern: '^https?://[^@?#]+$',
        maxLength: 2000,
        description:
          'Address of Kibana with the objects of deploy/kibana in it. Incidents in the control API, the command line and notifications then carry a link to Discover.',
      }),
    ),
    space: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9_-]{1,100}$',
        description: 'Space that they were imported into; the default one where absent.',
      }),
    ),
  },
  { description: 'Links to Kibana.', default: {}, additionalProperties: false },
);
export type KibanaConfig = Type.Static<typeof KibanaConfig>;
