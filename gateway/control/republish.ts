/**
 * The control store is the truth, the topic a copy. Where the log has lost the newest records (a power cut under `flush: process`, a
 * folder deleted), no gateway would ever count as fresh again: so what still matters is published anew from the store.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { ControlRecord, IncidentClosure, Lockout } from '../../schemas/types.ts';
import { headOf, nextRevision, putHead } from './control-head.ts';
import { controlKey } from '../../schemas/control-key.ts';
import { type ControlView } from './control-view.ts';
import { LOCKOUTS } from './control-writer.ts';
import { TOKENS, type StoredToken } from './token-index.ts';

const PAGE = 1000;

/** To be called when the view has caught up; returns how many records were published. */
export async function republishIfBehind(
  { store, codec, clock }: { store: ControlStore; codec: Codec<ControlRecord>; clock: Clock },
  view: ControlView,
  /** Resolves when the view knows all that the log has now. */
  caughtUp: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const head = await headOf(store);
  const isBehind = (): boolean => head.revision > view.appliedRevision();
  // What is in the outbox is on its way; what has left it since is in the log, where another gateway has carried it.
  if (!isBehind() || (await store.outbox(1)).length > 0) return 0;
  await caughtUp();
  if (!isBehind()) return 0;
  const publishAll = async (
    collection: string,
    bodyOf: (value: unknown) => ControlRecord['body'] | undefined,
  ): Promise<number> => {
    let published = 0;
    for (let after: string | undefined; ;) {
      const from = after;
      // Read in the transaction that publishes: what another gateway changes meanwhile must not be undone by this.
      const page = await store.transact(async (transaction) => {
        const entries = await transaction.list(collection, {
          limit: PAGE,
          ...(from === undefined ? {} : { after: from }),
        });
        const bodies = entries.map(({ value }) => bodyOf(value)).filter((body) => body !== undefined);
        if (bodies.length > 0) {
          const revision = await nextRevision(transaction);
          for (const body of bodies)
            await transaction.publish(
              TOPICS.control.name,
              controlKey(body),
              codec.encode({ revision, time: clock.now(), body }),
            );
          await putHead(transaction, { revision });
        }
        return { entries: entries.length, bodies: bodies.length, after: entries.at(-1)?.id };
      });
      published += page.bodies;
      after = page.after;
      if (page.entries < PAGE) return published;
    }
  };
  const tokens = await publishAll(TOKENS, (value) => {
    const { tokenId, identityId, expiresAt, revokedAt, revokedReason } = value as StoredToken;
    if (revokedAt === null || expiresAt <= clock.now()) return undefined;
    const reason = revokedReason ?? 'revoked';
    return {
      kind: 'token_revocation',
      tokenId,
      identityId,
      expiresAt,
      reason,
      incidentId: null,
      revokedBy: 'republished',
      revokedAt,
    };
  });
  const closures = await publishAll('incident-closures', (value) => value as IncidentClosure);
  const lockouts = await publishAll(LOCKOUTS, (value) => value as Lockout);
  const published = tokens + closures + lockouts;
  // Nothing of what was lost matters any more, so nobody needs to wait for it.
  if (published === 0)
    await store.transact(async (transaction) => {
      const { issued } = await headOf(transaction);
      await putHead(transaction, { revision: view.appliedRevision(), issued });
    });
  return published;
}
