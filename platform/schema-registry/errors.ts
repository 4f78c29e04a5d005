import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  SCHEMA_REGISTRY_UNREACHABLE: {
    message: 'The schema registry {url} did not answer within {waitedMs} ms: {reason}.',
    hint: 'Start it, or correct eventLog.schemaRegistry (urls, tls). Without it nobody knows whether what we would write can be read.',
    status: 503,
  },
  SCHEMA_REGISTRY_DENIED: {
    message: 'The schema registry {url} refuses us ({status}): {reason}.',
    hint: 'Check eventLog.schemaRegistry.credentials; it needs to read all subjects named countersign.*-value and, with autoRegister, to write them.',
    status: 502,
  },
  SCHEMA_REGISTRY_FAILED: {
    message: 'The schema registry {url} answered what it should not ({status}): {reason}.',
    hint: 'Look into its log. The address must be the base of an API like that of Confluent (Apicurio: .../apis/ccompat/v7).',
    status: 502,
  },
  SCHEMA_REGISTRY_INCOMPATIBLE: {
    message: 'Our schema {schema} does not go with version {version} of subject {subject}: {reason}.',
    hint: 'Nothing was registered. Another program, or a newer version of this one, has written there: run that version, or give this installation topics of its own. Do not lower the level of the subject: what is in the topic would become unreadable.',
    status: 409,
  },
  SCHEMA_REGISTRY_NOT_REGISTERED: {
    message: 'Our schema {schema} is not in subject {subject}, and autoRegister is off.',
    hint: 'Register schemas/avro/{schema}.avsc under this subject (docs/kafka.md, "Schema registry"), or turn autoRegister on.',
    status: 409,
  },
} as const satisfies ErrorDefinitions;

/** Makes an error of this room. */
export const schemaRegistryError = defineErrors(definitions);
