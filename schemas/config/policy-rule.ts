import Type from 'typebox';
import { PolicyCase } from './policy-case.ts';
import { Literals } from '../literals.ts';
import { conditions, Names, OUTCOMES, RISK_CLASSES } from './policy-conditions.ts';

const amount = (description: string) =>
  Type.Optional(Type.Integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));

const Limits = Type.Object(
  {
    rowsMax: amount('Rows of one answer.'),
    bytesMax: amount('Bytes of one answer, as the client receives them.'),
    sessionRowsMax: amount('Rows of all answers of a session.'),
    sessionBytesMax: amount('Bytes of all answers of a session.'),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description:
      'What an answer may not pass: it is cut off there, with an error, and cancelled in the target. The least of all rules that match the command counts.',
  },
);

const Rate = Type.Object(
  {
    requestsPerMinuteMax: Type.Integer({
      description:
        'Requests per minute; more are denied by this rule. Gateways tell each other of what identities asked for about once a second (docs/policy.md).',
      minimum: 1,
      maximum: 1_000_000,
    }),
    per: Type.Optional(
      Type.Union(Literals('identity', 'session'), {
        description: 'Whose requests are counted; all of them are, also those that the rule does not match.',
        default: 'identity',
      }),
    ),
  },
  { additionalProperties: false, description: 'How often. Absent: any number.' },
);

const Requires = Type.Object(
  {
    reason: Type.Optional(
      Type.Boolean({ description: 'Whether the client must say why it does this.', default: false }),
    ),
    ticket: Type.Optional(
      Type.String({
        description: 'Glob that the ticket of the client must match (`OPS-*`). Absent: none is needed.',
        minLength: 1,
        maxLength: 128,
      }),
    ),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    description:
      'What the client must state (docs/policy.md says how); without it the rule denies. Absent: nothing.',
  },
);

const Approval = Type.Object(
  {
    approvalsMin: Type.Optional(
      Type.Integer({
        description: 'Persons who must agree; never the requester.',
        default: 1,
        minimum: 1,
        maximum: 10,
      }),
    ),
    groups: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
        description: 'Groups, one of which each approver must be in. None: any approver.',
        default: [],
        maxItems: 100,
      }),
    ),
    secondFactor: Type.Optional(
      Type.Boolean({
        description: 'Whether an approver shows a second factor at the moment of the decision.',
        default: true,
      }),
    ),
    scope: Type.Optional(
      Type.Union(Literals('statement', 'session'), {
        description: 'What an approval opens: this statement once, or what this rule holds in the session.',
        default: 'statement',
      }),
    ),
    validMs: Type.Optional(
      Type.Integer({
        description: 'How long an approval can be used after it was given, milliseconds.',
        default: 900_000,
        minimum: 1000,
        maximum: 86_400_000,
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Who must agree; for rules with the outcome hold_approval.',
  },
);

const Verdict = Type.Object(
  {
    holdMs: Type.Optional(
      Type.Integer({
        description:
          "Longest hold, milliseconds; it is at least four times the log's measured p99. Absent: gateway.holdMs.",
        minimum: 10,
        maximum: 60_000,
      }),
    ),
    onLate: Type.Optional(
      Type.Union(Literals('deny', 'allow'), {
        description: 'What happens when no verdict came in time. Absent: as gateway.onDetectionLag says.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'How a hold for the detectors ends; for rules with the outcome hold_verdict.',
  },
);

export const PolicyRule = Type.Object(
  {
    name: Type.String({ description: 'Named in decisions; unique.', minLength: 1, maxLength: 128 }),
    ...conditions,
    unless: Type.Optional(
      Type.Object(conditions, {
        additionalProperties: false,
        minProperties: 1,
        description: 'The rule does not match where all of these hold. Absent: no exception.',
      }),
    ),
    actions: Names('Actions, one of which the command must do; globs. Absent: all.'),
    objects: Names('Objects, one of which such an action must touch; globs. Absent: all.'),
    columns: Names(
      'Columns; globs. A rule that allows matches an action that touches these and no others; one that restricts an action that touches one of these, or whose columns are not known. Absent: all.',
    ),
    whole: Type.Optional(
      Type.Boolean({ description: 'Only actions that nothing restricts (true), or only others (false).' }),
    ),
    riskAtLeast: Type.Optional(
      Type.Union(Literals(...RISK_CLASSES), {
        description: 'Risk class from which on. Absent: any.',
      }),
    ),
    outcome: Type.Union(Literals(...OUTCOMES), {
      description:
        'Deny wins over hold_approval, that over hold_verdict, that over mask, mask over allow. hold_approval waits for persons, hold_verdict for the detectors.',
    }),
    rate: Type.Optional(Rate),
    limits: Type.Optional(Limits),
    requires: Type.Optional(Requires),
    approval: Type.Optional(Approval),
    verdict: Type.Optional(Verdict),
    reason: Type.String({ description: 'In plain words; the client sees it.', minLength: 1, maxLength: 512 }),
    cases: Type.Optional(
      Type.Array(PolicyCase, {
        description: 'Examples, checked whenever the policy is read.',
        maxItems: 200,
      }),
    ),
  },
  { additionalProperties: false, description: 'One rule: all of its conditions must hold.' },
);
export type PolicyRule = Type.Static<typeof PolicyRule>;

/** A file of a policy folder. */
export const PolicyFile = Type.Object(
  {
    description: Type.Optional(Type.String({ description: 'For people.', maxLength: 4096 })),
    rules: Type.Array(PolicyRule, { description: 'Rules.', maxItems: 10_000, default: [] }),
  },
  { additionalProperties: false, description: 'A policy file.' },
);
export type PolicyFile = Type.Static<typeof PolicyFile>;
