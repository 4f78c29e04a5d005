import { defineErrors, type ErrorDefinitions } from '../platform/errors/errors.ts';

export const definitions = {
  SAMPLE_TARGET_UNAVAILABLE: {
    message: 'npm has no PostgreSQL server for {platform}.',
    hint: 'Start without the sample target (`countersign up`) and add a connection to a PostgreSQL server of your own.',
    status: 500,
  },
  SAMPLE_TARGET_FAILED: {
    message: 'The sample PostgreSQL server did not start: {reason}',
    hint: 'Look at the server log it names; a full disk or a data folder of another version are the usual causes.',
    status: 500,
  },
  ROLE_THREAD_ENDED: {
    message: 'The thread of {role} cannot be used: {reason}',
    hint: 'The role is started again by itself; the log has the cause. Held requests follow onDetectionLag meanwhile.',
    status: 503,
  },
  ROLE_UNKNOWN: {
    message: 'There is no role {role}; there are {roles}.',
    hint: 'Name some of them: `countersign run gateway detectors`.',
    status: 400,
  },
  ROLE_NOT_RUN: {
    message: 'These roles do not run: {roles}.',
    hint: 'No other process can run them on the embedded adapters; that takes Kafka and PostgreSQL, which come with the Kafka event log. `countersign up` runs all four.',
    status: 500,
  },
  ROLE_NEEDS_CLUSTER: {
    message: 'Without the gateway {roles} cannot run: the embedded adapters serve one process.',
    hint: 'Name the gateway too, or use `countersign up`. Roles in processes of their own need Kafka and PostgreSQL, which come with the Kafka event log.',
    status: 400,
  },
  AUDIT_EXPORT_INVALID: {
    message: '{file} is no export of an audit trail: {reason}',
    hint: 'Make one with `countersign audit export FILE`.',
    status: 400,
  },
  DATA_FOLDER_IN_USE: {
    message: 'The data folder {folder} is in use by the process {pid}.',
    hint: 'Stop that process, or give this one another folder (dataFolder). Roles in several processes need Kafka and PostgreSQL, which come with the Kafka event log.',
    status: 500,
  },
  CONNECTION_CREDENTIAL_ABSENT: {
    message: 'The vault has no credential for the connection {connection} (path {path}).',
    hint: 'Put it there: PUT /v1/connections/NAME with a credential, or `countersign connection add`.',
    status: 500,
  },
  CONNECTION_CONFIGURED: {
    message: 'The connection {connection} stands in the configuration file.',
    hint: 'Change it there, or choose another name.',
    status: 409,
  },
  CONNECTION_PROTOCOL_UNKNOWN: {
    message: 'There is no protocol {protocol}.',
    hint: 'Protocols: postgres.',
    status: 400,
  },
  LISTENER_TLS_REQUIRED: {
    message: 'A listener on {host} needs a certificate.',
    hint: 'Set certificateFile and keyFile of the listener, or listen on loopback.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const mainError = defineErrors(definitions);
