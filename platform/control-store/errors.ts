import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  CONTROL_STORE_TIMEOUT: {
    message: 'A control store transaction took longer than {timeoutMs} ms and was rolled back.',
    hint: 'Nothing of it was written. Try again; if it repeats, look for a slow disk or a step that waits inside a transaction.',
    status: 503,
  },
  CONTROL_STORE_CONFLICT: {
    message: 'A control store transaction met other writers {attempts} times and gave up.',
    hint: 'Nothing of it was written. Try again when fewer processes write to the store.',
    status: 503,
  },
  CONTROL_STORE_BUSY: {
    message: 'More than {max} control store transactions are waiting.',
    hint: 'Try again later; if it repeats, the store is too slow for the load: look at its disk.',
    status: 503,
  },
  CONTROL_STORE_INVALID: {
    message: 'The control store refused a value: {reason}.',
    hint: 'Shorten the value, or split it into several entries.',
    status: 400,
  },
  CONTROL_STORE_TRANSACTION_ENDED: {
    message: 'A control store transaction was used after its end.',
    hint: 'This is a bug: please report it with the log around it.',
    status: 500,
  },
  CONTROL_STORE_OUTBOX_FULL: {
    message: 'The outbox of the control store holds {max} entries that the event log has not taken.',
    hint: 'Bring the event log back; changes that must be published are refused until then.',
    status: 503,
  },
  CONTROL_STORE_UNAVAILABLE: {
    message: 'The control store cannot be used: {reason}.',
    hint: 'Check that its file or server is a control store, can be reached, read and written, and that the disk is neither full nor broken.',
    status: 503,
  },
  CONTROL_STORE_REFUSED: {
    message: 'The server of the control store refused the login: {reason}.',
    hint: 'Check role, password and database of controlStore.postgres, and pg_hba.conf of the server.',
    status: 503,
  },
  CONTROL_STORE_CERTIFICATE: {
    message: 'The server of the control store could not be trusted: {reason}.',
    hint: 'Check that controlStore.postgres.tls.caFile holds its authority, and that its certificate names the host as it is configured.',
    status: 503,
  },
  CONTROL_STORE_RIGHTS: {
    message: 'The role of the control store lacks a right: {reason}.',
    hint: 'Grant it what docs/control-store.md lists, or let the owner of the schema start once after an upgrade.',
    status: 503,
  },
  CONTROL_STORE_CONFIG: {
    message: 'The control store cannot be used as configured: {reason}.',
    hint: 'Correct controlStore.postgres.',
    status: 500,
  },
  CONTROL_STORE_OUTCOME_UNKNOWN: {
    message:
      'The connection to the control store was lost in a commit, and it has not come back to say how that ended.',
    hint: 'It may have been written or not: ask what is there, or send the same call again with the same idempotency key.',
    status: 503,
  },
  CONTROL_STORE_VERSION: {
    message: 'The control store was written by a newer version (layout {found}, this program knows {known}).',
    hint: 'Start the newer version, or restore a backup that was made before it.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const controlStoreError = defineErrors(definitions);
