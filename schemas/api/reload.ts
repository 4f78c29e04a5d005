import Type from 'typebox';

/** A mistake in a file, as compilers name it. */
export const FileProblem = Type.Object({
  file: Type.String({ description: 'File, or the environment variable.' }),
  line: Type.Integer({ description: 'From 1; 0 where there is none.' }),
  path: Type.String({ description: 'Dotted path of the field; empty for the whole.' }),
  reason: Type.String({ description: 'In plain words.' }),
});
export type FileProblem = Type.Static<typeof FileProblem>;

/** What came of reading policy, playbooks, rules and directory again: all of it is in force, or nothing has changed. */
export const ReloadAnswer = Type.Object({
  applied: Type.Boolean({ description: 'False: there are mistakes, and what was in force stays so.' }),
  problems: Type.Array(FileProblem),
  policyRules: Type.Integer({ description: 'Rules of the policy in force.' }),
  playbooks: Type.Integer({ description: 'Playbooks in force.' }),
  rules: Type.Integer({ description: 'Sigma rules in force.' }),
  restartNeeded: Type.Array(Type.String(), {
    description: 'Settings that differ from those the program runs with, and wait for its restart.',
  }),
});
export type ReloadAnswer = Type.Static<typeof ReloadAnswer>;
