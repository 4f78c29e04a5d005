import Type from 'typebox';

export const ImportQuery = Type.Object({
  exercise: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The events are the history of this exercise and stay in its name space.',
    }),
  ),
  wait: Type.Union([Type.Literal('recorded'), Type.Literal('detected')], {
    default: 'recorded',
    description: 'recorded: the log has them; detected: the detectors have passed them, too.',
  }),
});
export type ImportQuery = Type.Static<typeof ImportQuery>;

export const ImportAnswer = Type.Object({
  imported: Type.Integer(),
  skipped: Type.Integer({ description: 'Empty lines.' }),
  bad: Type.Integer({ description: 'Lines that were not imported.' }),
  problems: Type.Array(Type.Object({ line: Type.Integer(), reason: Type.String() }), {
    description: 'The first 100 bad lines.',
  }),
});
export type ImportAnswer = Type.Static<typeof ImportAnswer>;
