/** Secrets stand in configuration only by reference. */
import Type from 'typebox';

export const SecretReference = Type.Union(
  [
    Type.Object(
      { env: Type.String({ minLength: 1, description: 'Environment variable that holds it.' }) },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        file: Type.String({ minLength: 1, description: 'File that holds it; a last line break is dropped.' }),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      { vault: Type.String({ minLength: 1, description: "Path in the gateway's vault." }) },
      { additionalProperties: false },
    ),
  ],
  { description: 'Where a secret is: {env: NAME}, {file: PATH} or {vault: PATH}. Never the secret itself.' },
);
export type SecretReference = Type.Static<typeof SecretReference>;
