/** Enrolling second factors by an invitation, which an administrator made for that identity and which works once. */
import type { ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { ApprovalAnswer } from '../approval-store.ts';
import { approvalError } from '../errors.ts';
import {
  digest,
  INVITATIONS,
  json,
  readFactors,
  secretPath,
  writeFactors,
  type Invitation,
  type SecondFactorsDeps,
  type StoredFactors,
} from './stored-factors.ts';
import { TOTP_SECRET_BYTES, totpStep, totpUri } from './totp.ts';
import { checkCreation, creationOptions } from './webauthn.ts';

const INVITATION_MS = 24 * 3_600_000;
const KEYS_MAX = 10;

type CreationOptions = Awaited<ReturnType<typeof creationOptions>>;
export type CreationResponse = Parameters<typeof checkCreation>[1];

export interface Enrolment {
  /** A code, once, for who is to enrol; hand it over by a way that the token does not give. */
  invite(identityId: string, by: string): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /** Begins to enrol a key. */
  beginKey(code: string): Promise<ApprovalAnswer<CreationOptions>>;
  /** Enrols it; the invitation is used up. */
  finishKey(
    code: string,
    response: CreationResponse,
    name: string,
  ): Promise<ApprovalAnswer<{ identityId: string }>>;
  /** Begins to enrol one-time codes: what the app scans. */
  beginCodes(code: string): Promise<ApprovalAnswer<{ uri: string; secret: string }>>;
  finishCodes(code: string, oneTime: string): Promise<ApprovalAnswer<{ identityId: string }>>;
}

export function createEnrolment({ store, vault, clock, random, party }: SecondFactorsDeps): Enrolment {
  const invitation = async (
    reader: Pick<ControlTransaction, 'get'>,
    code: string,
  ): Promise<Invitation | undefined> => {
    const found = (await reader.get(INVITATIONS, digest(code)))?.value as unknown as Invitation | undefined;
    return found !== undefined && found.expiresAt > clock.now() ? found : undefined;
  };
  const uninvited = { ok: false as const, error: approvalError('FACTOR_INVITATION_INVALID') };
  const invalid = (reason: string) => ({
    ok: false as const,
    error: approvalError('FACTOR_ENROLMENT_INVALID', { reason }),
  });
  /** Uses the invitation up and writes what was enrolled; undefined where somebody else used it meanwhile. */
  const enrol = (
    code: string,
    change: (factors: StoredFactors) => StoredFactors,
  ): Promise<Invitation | undefined> =>
    store.transact(async (transaction) => {
      const found = await invitation(transaction, code);
      if (found === undefined) return undefined;
      await transaction.delete(INVITATIONS, digest(code));
      await writeFactors(transaction, change(await readFactors(transaction, found.identityId)));
      return found;
    });
  return {
    async invite(identityId, by) {
      const code = Buffer.from(random.bytes(20)).toString('base64url');
      const expiresAt = clock.now() + INVITATION_MS;
      const kept: Invitation = { identityId, by, expiresAt, challenge: null };
      await store.transact((transaction) => transaction.put(INVITATIONS, digest(code), json(kept)));
      return { code, expiresAt };
    },
    async beginKey(code) {
      const challenge = random.bytes(32);
      const begun = await store.transact(async (transaction) => {
        const found = await invitation(transaction, code);
        if (found === undefined) return undefined;
        const kept: Invitation = { ...found, challenge: Buffer.from(challenge).toString('base64url') };
        await transaction.put(INVITATIONS, digest(code), json(kept));
        return readFactors(transaction, found.identityId);
      });
      if (begun === undefined) return uninvited;
      const { identityId, keys } = begun;
      if (keys.length >= KEYS_MAX) return invalid(`there are ${KEYS_MAX} keys already`);
      const userId = Buffer.from(digest(identityId), 'hex');
      return { ok: true, value: await creationOptions(party(), { identityId, userId, keys }, challenge) };
    },
    async finishKey(code, response, name) {
      const found = await invitation(store, code);
      if (found === undefined) return uninvited;
      if (found.challenge === null) return invalid('it was not begun');
      const checked = await checkCreation(party(), response, found.challenge, { name, now: clock.now() });
      if (!checked.ok) return invalid(checked.reason);
      const done = await enrol(code, (factors) => ({
        ...factors,
        keys: [...factors.keys.filter(({ id }) => id !== checked.value.id), checked.value],
      }));
      return done === undefined ? uninvited : { ok: true, value: { identityId: done.identityId } };
    },
    async beginCodes(code) {
      const found = await invitation(store, code);
      if (found === undefined) return uninvited;
      const secret = random.bytes(TOTP_SECRET_BYTES);
      await vault.put(`${secretPath(found.identityId)}/new`, Buffer.from(secret).toString('base64'));
      const uri = totpUri(secret, found.identityId);
      return { ok: true, value: { uri, secret: new URL(uri).searchParams.get('secret')! } };
    },
    async finishCodes(code, oneTime) {
      const found = await invitation(store, code);
      if (found === undefined) return uninvited;
      const path = secretPath(found.identityId);
      const secret = await vault.get(`${path}/new`);
      if (secret === undefined) return invalid('it was not begun');
      const step = totpStep(Buffer.from(secret.value, 'base64'), oneTime, clock.now());
      if (step === undefined) return invalid('the code is wrong');
      // First the secret: an enrolment without it would lock its owner out.
      await vault.put(path, secret.value);
      const done = await enrol(code, (factors) => ({ ...factors, totp: { lastStep: step } }));
      await vault.delete(`${path}/new`);
      return done === undefined ? uninvited : { ok: true, value: { identityId: done.identityId } };
    },
  };
}
