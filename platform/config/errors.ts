import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  CONFIG_INVALID: {
    message: 'The configuration has a mistake: {problems}',
    hint: 'Mend what is named; `countersign config check` lists every mistake with file and line.',
    status: 400,
  },
  CONFIG_SECRET_MISSING: {
    message: 'A secret that the configuration refers to is not there: {reference}',
    hint: 'Set the environment variable, write the file, or put it into the vault.',
    status: 500,
  },
  CONFIG_FILE_UNREADABLE: {
    message: 'The configuration file {file} cannot be read: {reason}',
    hint: 'Check the path and its rights, or run without --config for the defaults.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const configError = defineErrors(definitions);
