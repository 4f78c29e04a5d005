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
    hint: 'Check that its file is a control store, is readable and writable, and that the disk is neither full nor broken.',
    status: 503,
  },
  CONTROL_STORE_VERSION: {
    message: 'The control store was written by a newer version (layout {found}, this program knows {known}).',
    hint: 'Start the newer version, or restore a backup that was made before it.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const controlStoreError = defineErrors(definitions);
