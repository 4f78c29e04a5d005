/**
 * Second factors of approvers. Whoever holds a person's token must not be able to add one: enrolling needs an invitation that an
 * administrator made for that identity. A proof counts for one approval, once.
 */
import type { Factor } from '../approval.ts';
import type { ApprovalAnswer } from '../approval-store.ts';
import { approvalError } from '../errors.ts';
import { createEnrolment, type Enrolment } from './enrolment.ts';
import {
  CHALLENGES,
  json,
  readFactors,
  removeFactors,
  secretPath,
  writeFactors,
  type SecondFactorsDeps,
  type StoredFactors,
} from './stored-factors.ts';
import { totpStep } from './totp.ts';
import { checkRequest, requestOptions } from './webauthn.ts';

const CHALLENGE_MS = 180_000;
const FAILURES_MAX = 5;
const FAILURES_WINDOW_MS = 15 * 60_000;

type RequestOptions = Awaited<ReturnType<typeof requestOptions>>;
type RequestResponse = Parameters<typeof checkRequest>[1];

export type FactorProof =
  | { readonly kind: 'totp'; readonly code: string }
  | { readonly kind: 'webauthn'; readonly response: RequestResponse };

export interface SecondFactors extends Enrolment {
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

export function createSecondFactors(deps: SecondFactorsDeps): SecondFactors {
  const { store, vault, clock, random, party } = deps;
  const wrong = (reason: string) => ({
    ok: false as const,
    error: approvalError('FACTOR_WRONG', { reason }),
  });
  const recent = ({ failures }: StoredFactors): number[] =>
    failures.filter((at) => at > clock.now() - FAILURES_WINDOW_MS);
  /** Counts a try before it is looked at, so that many at once are not more tries; a good one is forgiven. */
  const tryOnce = (identityId: string): Promise<ApprovalAnswer<StoredFactors>> =>
    store.transact(async (transaction): Promise<ApprovalAnswer<StoredFactors>> => {
      const factors = await readFactors(transaction, identityId);
      const failures = recent(factors);
      if (failures.length >= FAILURES_MAX) {
        const waitMs = failures[0]! + FAILURES_WINDOW_MS - clock.now();
        return { ok: false, error: approvalError('FACTOR_TOO_MANY_TRIES', { identityId, waitMs }) };
      }
      await writeFactors(transaction, { ...factors, failures: [...failures, clock.now()] });
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
      const now = await readFactors(transaction, identityId);
      const keys = now.keys.map((key) => (key.id === checked.value.id ? checked.value : key));
      await writeFactors(transaction, { ...now, keys, failures: [] });
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
      const now = await readFactors(transaction, identityId);
      if (now.totp === null || step <= now.totp.lastStep) return wrong('the code was used before');
      await writeFactors(transaction, { ...now, totp: { lastStep: step }, failures: [] });
      return { ok: true, value: 'totp' };
    });
  };

  return {
    ...createEnrolment(deps),
    async challenge(identityId, approvalId) {
      const { keys } = await readFactors(store, identityId);
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
      const known = await readFactors(store, identityId);
      const has = proof.kind === 'totp' ? known.totp !== null : known.keys.length > 0;
      if (!has) return { ok: false, error: approvalError('FACTOR_NONE', { identityId }) };
      const tried = await tryOnce(identityId);
      if (!tried.ok) return tried;
      return proof.kind === 'totp'
        ? proveCode(tried.value, proof.code)
        : proveKey(tried.value, approvalId, proof.response);
    },
    async of(identityId) {
      const { keys, totp } = await readFactors(store, identityId);
      return { keys: keys.map(({ name, addedAt }) => ({ name, addedAt })), codes: totp !== null };
    },
    async remove(identityId) {
      const there = await store.transact((transaction) => removeFactors(transaction, identityId));
      await vault.delete(secretPath(identityId));
      return there;
    },
  };
}
