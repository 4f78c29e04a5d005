/** The catalogue's answers for a thread that has none: it asks, is answered, and looks again until nothing is left to ask. */
import { NO_EFFECTS, type Answer, type CatalogueView } from './effects.ts';
import { createStaticResolver } from './objects.ts';

type Method = keyof CatalogueView;

/** Method and arguments, as plain data. */
export type Question = readonly [Method, ...unknown[]];

/** Answers by the question's JSON text. */
export type Answers = ReadonlyMap<string, unknown>;

export const keyOf = (question: Question): string => JSON.stringify(question);

const UNKNOWN: Answer = { known: false, effects: NO_EFFECTS };

/** Gives the answers it has, and notes what it was asked besides. */
export function createAskingView(answers: Answers): { view: CatalogueView; questions: Question[] } {
  const questions = new Map<string, Question>();
  const plain = createStaticResolver();
  const ask = <T>(otherwise: T, ...question: Question): T => {
    const key = keyOf(question);
    if (answers.has(key)) return answers.get(key) as T;
    questions.set(key, question);
    return otherwise;
  };
  const view: CatalogueView = {
    relation: (schema, name, settings) =>
      ask(plain.relation(schema, name, settings), 'relation', schema, name, settings),
    other: (parts, settings) => ask(plain.other(parts, settings), 'other', parts, settings),
    alternatives: (name, settings) => ask(plain.alternatives(name, settings), 'alternatives', name, settings),
    relationEffects: (name, use, only) => ask(UNKNOWN, 'relationEffects', name, use, only),
    callEffects: (parts, count, scope) => ask(UNKNOWN, 'callEffects', parts, count, scope),
    operatorEffects: (parts, scope) => ask(NO_EFFECTS, 'operatorEffects', parts, scope),
    typeEffects: (parts, scope) => ask(NO_EFFECTS, 'typeEffects', parts, scope),
    fieldEffects: (name, scope) => ask(NO_EFFECTS, 'fieldEffects', name, scope),
    typeEffectsById: (oids) => ask(NO_EFFECTS, 'typeEffectsById', oids),
    maintenanceEffects: () => ask(NO_EFFECTS, 'maintenanceEffects'),
    schemaChangeEffects: () => ask(NO_EFFECTS, 'schemaChangeEffects'),
  };
  return {
    view,
    get questions() {
      return [...questions.values()];
    },
  };
}

/** What the thread's questions come to here. */
export function answerQuestions(view: CatalogueView, questions: readonly Question[]): [string, unknown][] {
  return questions.map((question) => {
    const [method, ...input] = question;
    const answer = view[method] as (...input: unknown[]) => unknown;
    return [keyOf(question), answer.apply(view, input)];
  });
}
