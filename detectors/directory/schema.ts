import Type from 'typebox';

/** The directory file: people, accounts and time zones, beside what tokens say. */
export const DirectoryFile = Type.Object(
  {
    people: Type.Array(
      Type.Object(
        {
          subject: Type.String({
            minLength: 1,
            description: 'Identity id (issuer/subject), or a subject at any issuer.',
          }),
          left: Type.Optional(
            Type.String({
              description: 'Day (YYYY-MM-DD, from its start in UTC) or instant at which the person left.',
            }),
          ),
          timeZone: Type.Optional(Type.String({ description: 'IANA time zone.' })),
        },
        { additionalProperties: false },
      ),
      { default: [], description: 'People.' },
    ),
    accounts: Type.Array(
      Type.Object(
        {
          subject: Type.String({ minLength: 1, description: 'Identity id or subject of the account.' }),
          owner: Type.Optional(
            Type.String({ description: 'Identity id or subject of the person who answers for it.' }),
          ),
          timeZone: Type.Optional(Type.String({ description: 'IANA time zone that it works by.' })),
        },
        { additionalProperties: false },
      ),
      { default: [], description: 'Service accounts and agents.' },
    ),
    connections: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1, description: 'Name of the connection.' }),
          timeZone: Type.String({ description: 'IANA time zone for identities without one of their own.' }),
        },
        { additionalProperties: false },
      ),
      { default: [], description: 'Connections.' },
    ),
  },
  { additionalProperties: false },
);
export type DirectoryFile = Type.Static<typeof DirectoryFile>;
