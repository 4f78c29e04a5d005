/** The one identity of these tests, and who lets it in. */
import { defineErrors, type CountersignError } from '../../../platform/errors/errors.ts';
import type { Identity } from '../../../schemas/types.ts';
import type { Access } from '../../access/access.ts';

const testError = defineErrors({
  TEST_LOCKOUT: { message: 'locked out: {reason}', hint: 'Ask for a release.', status: 403 },
});
export const lockedOut = (reason: string): CountersignError => testError('TEST_LOCKOUT', { reason });

export const identity: Identity = {
  id: 'countersign/robot',
  issuer: 'countersign',
  subject: 'robot',
  kind: 'service_account',
  displayName: 'Robot',
  groups: [],
  credentialSource: 'countersign/tests',
  tokenId: 't1',
  issuedAt: null,
  expiresAt: null,
  onBehalfOf: [],
  attributes: {},
};

/** Everywhere but on the connection `locked`. */
export const admit: Access['admit'] = (record, connection) =>
  connection === 'locked' ? { ok: false, error: lockedOut('test') } : { ok: true, value: record.identity };
