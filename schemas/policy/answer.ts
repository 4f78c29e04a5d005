/** What a policy in Rego may answer. A typo must not open anything: fields that are not here are refused. */
import Type from 'typebox';
import { Literals } from '../literals.ts';
import { OUTCOMES } from '../config/policy-conditions.ts';

const amount = Type.Optional(Type.Integer({ minimum: 0 }));

const AnswerObject = Type.Object(
  {
    outcome: Type.Optional(Type.Union(Literals(...OUTCOMES), { description: 'The decision.' })),
    allow: Type.Optional(Type.Boolean({ description: 'Instead of outcome: allow or deny.' })),
    rule: Type.Optional(Type.String({ maxLength: 128, description: 'Named in the decision.' })),
    reason: Type.Optional(
      Type.String({ maxLength: 2000, description: 'In plain words; the client sees it.' }),
    ),
    limits: Type.Optional(
      Type.Object(
        { rowsMax: amount, bytesMax: amount, sessionRowsMax: amount, sessionBytesMax: amount },
        { additionalProperties: false },
      ),
    ),
    approval: Type.Optional(
      Type.Object(
        {
          approvals: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
          groups: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
          secondFactor: Type.Optional(Type.Boolean()),
          scope: Type.Optional(Type.Union(Literals('statement', 'session'))),
          validMs: Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
        },
        { additionalProperties: false },
      ),
    ),
    verdict: Type.Optional(
      Type.Object(
        {
          holdMs: Type.Optional(Type.Integer({ minimum: 10, maximum: 60_000 })),
          onLate: Type.Optional(Type.Union(Literals('deny', 'allow'))),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const PolicyAnswer = Type.Union([Type.Boolean(), AnswerObject], {
  description: 'True or false, or an object with outcome or allow.',
});
export type PolicyAnswer = Type.Static<typeof PolicyAnswer>;
