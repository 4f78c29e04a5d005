/**
 * Accounts at targets that live as long as a grant: made when a session first needs one, with an end that the target itself holds,
 * and dropped by whichever gateway has the turn once the grant is over. No gateway has to be alive for it to end.
 */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import { createTurn } from '../../platform/control-store/turn.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Grant } from '../../schemas/types.ts';
import type { Vault } from '../credentials/vault.ts';
import { GRANTS } from './approval-entries.ts';
import type { ApprovalStore } from './approval-store.ts';
import type { ApprovalsView } from './approvals-view.ts';

/** An account at a target for one grant. */
export interface GrantAccount {
  readonly grantId: string;
  readonly name: string;
  readonly password: string;
  /** Roles that it is in; the first one gets what it leaves behind. */
  readonly roles: readonly string[];
  /** Milliseconds since the epoch; the target lets nobody in by it afterwards. */
  readonly validUntil: number;
}

const ACCOUNTS = 'grant-accounts';
type StoredAccount = {
  readonly connection: string;
  readonly name: string;
  readonly roles: readonly string[];
};

const TURN_MS = 15_000;
const ROUND_MS = 5000;
const PAGE = 1000;
const PASSWORD_BYTES = 24;
const vaultPath = (grantId: string): string => `grants/${grantId}`;
type Json = { readonly [key: string]: never };

export interface GrantAccounts {
  /** The account that an identity's sessions on a connection use now; undefined: the connection's own. */
  accountFor(identityId: string, connection: string): Promise<GrantAccount | undefined>;
  start(): void;
  stop(): Promise<void>;
}

export interface GrantAccountsDeps {
  readonly store: ControlStore;
  readonly approvals: Pick<ApprovalStore, 'get'>;
  readonly view: ApprovalsView;
  readonly vault: Pick<Vault, 'getOrPut' | 'delete'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of this process. */
  readonly holder: string;
  /** Takes the account away from the target; idempotent. Rejects where the target is away. */
  readonly drop: (connection: string, account: Pick<GrantAccount, 'name' | 'roles'>) => Promise<void>;
}

export function createGrantAccounts(deps: GrantAccountsDeps): GrantAccounts {
  const { store, approvals, view, vault, clock, random, log } = deps;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const isOver = async (grantId: string): Promise<boolean> => {
    const grant = (await store.get(GRANTS, grantId))?.value as unknown as Grant | undefined;
    return grant === undefined || grant.endedAt !== null || grant.endsAt <= clock.now();
  };
  const reap = async (): Promise<void> => {
    for (const { id, value } of await store.list(ACCOUNTS, { limit: PAGE })) {
      if (stopping.signal.aborted || !turn.held()) return;
      if (!(await isOver(id))) continue;
      const { connection, name, roles } = value as unknown as StoredAccount;
      try {
        await deps.drop(connection, { name, roles });
        await vault.delete(vaultPath(id));
        await store.transact((transaction) => transaction.delete(ACCOUNTS, id));
        log.info(
          { connection, account: name, grantId: id },
          'the account of a grant that is over was dropped',
        );
      } catch (error) {
        // It lets nobody in any more; it is tried again.
        const reason = isCountersignError(error) ? error.message : undefined;
        log.warn(
          { error, reason, connection, account: name },
          'the account of a grant could not be dropped yet',
        );
      }
    }
  };
  const run = async (): Promise<void> => {
    while (turn.held() && !stopping.signal.aborted) {
      await reap().catch((error: unknown) =>
        log.warn({ error }, 'accounts of grants could not be looked at'),
      );
      await clock.sleep(ROUND_MS, stopping.signal).catch(() => undefined);
    }
  };
  const turn = createTurn(
    { store, clock, log },
    { name: 'grant-accounts', holder: deps.holder, holdMs: TURN_MS, lookMs: TURN_MS / 6 },
    (held) => {
      if (held) running = (running ?? Promise.resolve()).then(run);
    },
  );
  return {
    async accountFor(identityId, connection) {
      const grant = view.grantsOf(identityId, connection).find(({ targetRole }) => targetRole !== null);
      if (grant === undefined || grant.approvalId === null) return undefined;
      const { grantId, targetRole, endsAt } = grant;
      const roles = (await approvals.get(grant.approvalId))?.grant?.targetRoles ?? [];
      const fresh = Buffer.from(random.bytes(PASSWORD_BYTES)).toString('base64url');
      const { value: password } = await vault.getOrPut(vaultPath(grantId), fresh);
      // Before it is made: what nobody knows of nobody drops.
      const kept: StoredAccount = { connection, name: targetRole!, roles: [...roles] };
      await store.transact((transaction) =>
        transaction.put(ACCOUNTS, grantId, kept as unknown as StoredAccount & Json),
      );
      return { grantId, name: targetRole!, password, roles, validUntil: endsAt };
    },
    start: () => turn.start(),
    async stop() {
      stopping.abort();
      await turn.stop();
      await running;
    },
  };
}
