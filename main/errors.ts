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
    hint: 'The embedded event log serves one process, so no other can run them. `countersign up` runs all four; in processes of their own they need `eventLog.kind: kafka`.',
    status: 500,
  },
  ROLE_NEEDS_CLUSTER: {
    message: 'Without the gateway {roles} cannot run: the embedded event log serves one process.',
    hint: 'Set `eventLog.kind: kafka` (with `controlStore.kind: postgres` and `searchIndex.kind: elasticsearch`; docs/operations.md), name the gateway too, or use `countersign up`.',
    status: 400,
  },
  CLUSTER_STORE_EMBEDDED: {
    message:
      'The gateway runs apart from other roles ({roles} here), but its control store is a file of this machine.',
    hint: 'Set `controlStore.kind: postgres`: lockouts, tokens and leases of all gateways stand in one store. One process with all four roles may keep the file.',
    status: 400,
  },
  CLUSTER_STORE_NOT_SHARED: {
    message:
      'Gateway {gateway} wrote to this event log {seconds} s ago, and the control store here is a file that it does not know.',
    hint: 'Lockouts, tokens and leases of several gateways stand in one store: set `controlStore.kind: postgres`, the same for all. An installation by itself needs a `eventLog.kafka.prefix` of its own. Where that was this gateway under another name, start again in a minute.',
    status: 409,
  },
  CLUSTER_INDEX_EMBEDDED: {
    message:
      'Gateway and ingest run in different processes ({roles} here), but the search index is a file of one process.',
    hint: 'Set `searchIndex.kind: elasticsearch`, or run gateway and ingest in one process.',
    status: 400,
  },
  RESPONDERS_NO_GATEWAY: {
    message:
      'Responders run without a gateway in their process ({roles} here), and nothing says where the gateways are.',
    hint: 'Set `responders.controlApi.urls` to the control API of every gateway, and `responders.controlApi.token` to a token with the scope `contain` (docs/operations.md).',
    status: 400,
  },
  SECRET_NEEDS_GATEWAY: {
    message: 'The secret {reference} cannot be read here: the vault is open only to gateways.',
    hint: 'Put this one into a file or an environment variable of the process ({file: PATH} or {env: NAME}).',
    status: 500,
  },
  HEALTH_LISTEN_FAILED: {
    message: 'Health cannot be answered on {host}:{port}: {reason}',
    hint: 'Choose another `health.host` or `health.port`; copies on one machine need ports of their own (0 takes a free one).',
    status: 500,
  },
  AUDIT_EXPORT_INVALID: {
    message: '{file} is no export of an audit trail: {reason}',
    hint: 'Make one with `countersign audit export FILE`.',
    status: 400,
  },
  DATA_FOLDER_IN_USE: {
    message: 'The data folder {folder} is in use by the process {pid}.',
    hint: 'Stop that process, or give this one another folder (dataFolder): each gateway needs one of its own. Roles in several processes need `eventLog.kind: kafka`.',
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
  POLICY_PROTOCOL_UNKNOWN: {
    message: 'The protocol {protocol} has no statements that could be looked at.',
    hint: 'Name postgres or ssh with --protocol; a case of another protocol says action, object and risk itself.',
    status: 400,
  },
  LISTENER_TLS_REQUIRED: {
    message: 'A listener on {host} needs a certificate.',
    hint: 'Set certificateFile and keyFile of the listener, or listen on loopback.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const mainError = defineErrors(definitions);
