import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  DEAD_LETTER_NOT_REPLAYABLE: {
    message: 'The dead letter {id} cannot be replayed: {reason}.',
    hint: 'Nothing was written. `countersign dead-letter show` says what is in it.',
    status: 409,
  },
  DEAD_LETTER_UNDER_WAY: {
    message: 'The dead letter {id} is being replayed by {by}.',
    hint: 'Ask again in a minute: it is replayed once, whoever asks.',
    status: 409,
  },
} as const satisfies ErrorDefinitions;

/** Makes an error of this room. */
export const deadLetterError = defineErrors(definitions);
