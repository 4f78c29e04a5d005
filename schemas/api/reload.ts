import Type from 'typebox';

/** A mistake in a file, as compilers name it. */
export const FileProblem = Type.Object({
  file: Type.String({ description: 'File, or the environment variable.' }),
  line: Type.Integer({ description: 'From 1; 0 where there is none.' }),
  path: Type.String({ description: 'Dotted path of the field; empty for the whole.' }),
  reason: Type.String({ description: 'In plain words.' }),
});
export type FileProblem = Type.Static<typeof FileProblem>;

/** What became of it at another gateway of the same control store. */
export const GatewayReload = Type.Object({
  gateway: Type.String({ description: 'Its id.' }),
  outcome: Type.Union([Type.Literal('applied'), Type.Literal('refused'), Type.Literal('silent')], {
    description: 'silent: it has not answered in time; it may still read its files, or hang.',
  }),
  reason: Type.String({ description: 'Why it is not in force there; empty where it is.' }),
});
export type GatewayReload = Type.Static<typeof GatewayReload>;

const local = {
  applied: Type.Boolean({ description: 'False: there are mistakes, and what was in force stays so.' }),
  problems: Type.Array(FileProblem),
  policyRules: Type.Integer({ description: 'Rules of the policy in force.' }),
  playbooks: Type.Integer({ description: 'Playbooks in force.' }),
  rules: Type.Integer({ description: 'Sigma rules in force.' }),
  restartNeeded: Type.Array(Type.String(), {
    description: 'Settings that differ from those the program runs with, and wait for its restart.',
  }),
};
/** What came of reading policy, playbooks, rules and directory again in one process: all of it is in force, or nothing has changed. */
export const LocalReload = Type.Object(local);
export type LocalReload = Type.Static<typeof LocalReload>;

/** The same at the gateway that was asked, and what the others made of it. */
export const ReloadAnswer = Type.Object({
  ...local,
  gateways: Type.Array(GatewayReload, { description: 'All other gateways of this control store that live.' }),
  notReached: Type.Array(Type.String(), {
    description:
      'Roles that do not run in the process that was asked: each of their processes reads its files by a SIGHUP of its own.',
  }),
});
export type ReloadAnswer = Type.Static<typeof ReloadAnswer>;
