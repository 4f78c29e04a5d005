/**
 * Second factors of approvers. Whoever holds a person's token must not be able to add one: enrolling needs an invitation that an
 * administrator made for that identity. A proof counts for one approval, once.
 */
import { hash } from 'node:crypto';
import type { Clock, Random } from '../../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { Vault } from '../../credentials/vault.ts';
import type { Factor } from '../approval.ts';
import type { ApprovalAnswer } from '../approval-store.ts';
import { approvalError } from '../errors.ts';
import { TOTP_SECRET_BYTES, totpStep, totpUri } from './totp.ts';
import {
  checkCreation,
  checkRequest,
  creationOptions,
  requestOptions,
  type RelyingParty,
  type WebauthnKey,
} from './webauthn.ts';

const FACTORS = 'second-factors';
export const INVITATIONS = 'second-factor-invitations';
export const CHALLENGES = 'second-factor-challenges';

const INVITATION_MS = 24 * 3_600_000;
const CHALLENGE_MS = 180_000;
const FAILURES_MAX = 5;
const FAILURES_WINDOW_MS = 15 * 60_000;
const KEYS_MAX = 10;

type CreationOptions = Awaited<ReturnType<typeof creationOptions>>;
type RequestOptions = Awaited<ReturnType<typeof requestOptions>>;
export type CreationResponse = Parameters<typeof checkCreation>[1];
export type RequestResponse = Parameters<typeof checkRequest>[1];

type StoredFactors = {
  readonly identityId: string;
  readonly keys: readonly WebauthnKey[];
  /** Whether one-time codes are set up (the secret is in the vault), and the last step that was used. */
  readonly totp: { readonly lastStep: number } | null;
  readonly failures: readonly number[];
};
type Invitation = {
  readonly identityId: string;
  readonly by: string;
  readonly expiresAt: number;
  /** Of the key that is being made, base64url. */
  readonly challenge: string | null;
};

export type FactorProof =
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'webauthn'; readonly response: RequestResponse };

export interface SecondFactors {
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
  /** What the page needs to have a key sign for this approval. */
  challenge(identityId: string, approvalId: string): Promise<ApprovalAnswer<RequestOptions>>;
  /** Checks a proof for this approval; the factor it was made with. */
  prove(identityId: string, approvalId: string, proof: FactorProof): Promise<ApprovalAnswer<Factor>>;
  /** What somebody has enrolled. */
  of(
    identityId: string,
  ): Promise<{ readonly keys: readonly { name: string; addedAt: number }[]; readonly codes: boolean }>;
  /** Takes all of them away (lost, or suspected). */
  remove(identityId: string): Promise<boolean>;
}

export interface SecondFactorsDeps {
  readonly store: ControlStore;
  readonly vault: Pick<Vault, 'get' | 'put' | 'delete'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly party: () => RelyingParty;
}

const json = <T extends object>(value: T): T & { readonly [key: string]: never } =>
  value as T & { readonly [key: string]: never };
const digest = (code: string): string => hash('sha256', code, 'hex');
const secretPath = (identityId: string): string => `second-factors/${digest(identityId)}`;
const none = (identityId: string): StoredFactors => ({ identityId, keys: [], totp: null, failures: [] });

export function createSecondFactors(deps: SecondFactorsDeps): SecondFactors {
  const { store, vault, clock, random, party } = deps;
  const read = async (reader: Pick<ControlTransaction, 'get'>, identityId: string): Promise<StoredFactors> =>
    ((await reader.get(FACTORS, identityId))?.value as unknown as StoredFactors | undefined) ??
    none(identityId);
  const write = (transaction: ControlTransaction, factors: StoredFactors): Promise<void> =>
    transaction.put(FACTORS, factors.identityId, json(factors));
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
  const wrong = (reason: string) => ({
    ok: false as const,
    error: approvalError('FACTOR_WRONG', { reason }),
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
      await write(transaction, change(await read(transaction, found.identityId)));
      return found;
    });
  const recent = ({ failures }: StoredFactors): number[] =>
    failures.filter((at) => at > clock.now() - FAILURES_WINDOW_MS);
  /** Counts a try before it is looked at, so that many at once are not more tries; a good one is forgiven. */
  const tryOnce = (identityId: string): Promise<ApprovalAnswer<StoredFactors>> =>
    store.transact(async (transaction): Promise<ApprovalAnswer<StoredFactors>> => {
      const factors = await read(transaction, identityId);
      const failures = recent(factors);
      if (failures.length >= FAILURES_MAX) {
        const waitMs = failures[0]! + FAILURES_WINDOW_MS - clock.now();
        return { ok: false, error: approvalError('FACTOR_TOO_MANY_TRIES', { identityId, waitMs }) };
      }
      await write(transaction, { ...factors, failures: [...failures, clock.now()] });
      return { ok: true, value: factors };
    });
  const takeChallenge = (identityId: string, approvalId: string): Promise<string | undefined> =>
    store.transact(async (transaction) => {
      const id = `${identityId}\n${approvalId}`;
      const value = (await transaction.get(CHALLENGES, id))?.value as unknown as
        | { challenge: string; expiresAt: number }
        | undefined;
      await transaction.delete(CHALLENGES, id);
      return value !== undefined && value.expiresAt > clock.now() ? value.challenge : undefined;
    });
  const proveKey = async (
    factors: StoredFactors,
    approvalId: string,
    response: RequestResponse,
  ): Promise<ApprovalAnswer<Factor>> => {
    const { identityId } = factors;
    const challenge = await takeChallenge(identityId, approvalId);
    if (challenge === undefined) return wrong('there is no challenge, or it is too old');
    const checked = await checkRequest(party(), response, factors.keys, challenge);
    if (!checked.ok) return wrong(checked.reason);
    await store.transact(async (transaction) => {
      const now = await read(transaction, identityId);
      const keys = now.keys.map((key) => (key.id === checked.value.id ? checked.value : key));
      await write(transaction, { ...now, keys, failures: [] });
    });
    return { ok: true, value: 'webauthn' };
  };
  const proveCode = async (factors: StoredFactors, code: string): Promise<ApprovalAnswer<Factor>> => {
    const { identityId } = factors;
    const secret = await vault.get(secretPath(identityId));
    const step =
      secret === undefined ? undefined : totpStep(Buffer.from(secret.value, 'base64'), code, clock.now());
    if (step === undefined) return wrong('the code is wrong');
    return store.transact(async (transaction): Promise<ApprovalAnswer<Factor>> => {
      const now = await read(transaction, identityId);
      if (now.totp === null || step <= now.totp.lastStep) return wrong('the code was used before');
      await write(transaction, { ...now, totp: { lastStep: step }, failures: [] });
      return { ok: true, value: 'totp' };
    });
  };

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
        return read(transaction, found.identityId);
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
    async challenge(identityId, approvalId) {
      const { keys } = await read(store, identityId);
      if (keys.length === 0) return { ok: false, error: approvalError('FACTOR_NONE', { identityId }) };
      const challenge = random.bytes(32);
      const kept = {
        challenge: Buffer.from(challenge).toString('base64url'),
        expiresAt: clock.now() + CHALLENGE_MS,
      };
      await store.transact((transaction) =>
        transaction.put(CHALLENGES, `${identityId}\n${approvalId}`, json(kept)),
      );
      return { ok: true, value: await requestOptions(party(), keys, challenge) };
    },
    async prove(identityId, approvalId, proof) {
      const known = await read(store, identityId);
      const has = proof.kind === 'totp' ? known.totp !== null : known.keys.length > 0;
      if (!has) return { ok: false, error: approvalError('FACTOR_NONE', { identityId }) };
      const tried = await tryOnce(identityId);
      if (!tried.ok) return tried;
      return proof.kind === 'totp'
        ? proveCode(tried.value, proof.code)
        : proveKey(tried.value, approvalId, proof.response);
    },
    async of(identityId) {
      const { keys, totp } = await read(store, identityId);
      return { keys: keys.map(({ name, addedAt }) => ({ name, addedAt })), codes: totp !== null };
    },
    async remove(identityId) {
      const there = await store.transact(async (transaction) => {
        const found = await transaction.get(FACTORS, identityId);
        await transaction.delete(FACTORS, identityId);
        return found !== undefined;
      });
      await vault.delete(secretPath(identityId));
      return there;
    },
  };
}
