/** Who, where and when: what a policy rule and its exceptions ask of a command before they look at what it does. */
import Type from 'typebox';
import { Literals } from '../literals.ts';

export const Names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { description, minItems: 1, maxItems: 1000 }),
  );

export const KINDS = ['unknown', 'human', 'service_account', 'workload', 'ai_agent'] as const;
export const RISK_CLASSES = ['none', 'low', 'medium', 'high', 'critical'] as const;
export const OUTCOMES = ['allow', 'mask', 'hold_approval', 'hold_verdict', 'deny'] as const;

const Hours = Type.Object(
  {
    timeZone: Type.String({ description: 'IANA time zone.', default: 'UTC' }),
    days: Type.Optional(
      Type.Array(Type.Union(Literals('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')), {
        description: 'Days of the week. Absent: all.',
        minItems: 1,
      }),
    ),
    from: Type.String({ description: 'Begin, HH:MM.', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
    to: Type.String({
      description: 'End, HH:MM, not included; before `from` it is on the next day.',
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$',
    }),
  },
  { additionalProperties: false, description: 'Only in these hours. Absent: always.' },
);

export const conditions = {
  identities: Names('Identity ids or subjects; `*` stands for any run of characters. Absent: all.'),
  kinds: Type.Optional(
    Type.Array(Type.Union(Literals(...KINDS)), {
      description: 'Kinds of identity. Absent: all.',
      minItems: 1,
    }),
  ),
  groups: Names('Groups, one of which the identity must be in; globs. Absent: all.'),
  credentialSources: Names('Credential sources; globs. Absent: all.'),
  attributes: Type.Optional(
    Type.Record(
      Type.String({ minLength: 1, maxLength: 128 }),
      Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 1000 }),
      {
        description:
          'Attributes of the identity (claims of a workload: repository, ref, workflow, environment, run_id, actor, ...) by name, with globs; each named one must match. Absent: any.',
      },
    ),
  ),
  onBehalfOf: Names(
    'Identity ids that it acts for, one of which must match; globs. `*` means: for anybody at all. Absent: any or none.',
  ),
  connections: Names('Connections; globs. Absent: all.'),
  protocols: Names('Protocols; globs. Absent: all.'),
  networks: Names('Source networks in CIDR form (192.0.2.0/24, 2001:db8::/32). Absent: all.'),
  hours: Type.Optional(Hours),
};
