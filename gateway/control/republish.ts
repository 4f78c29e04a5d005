/**
 * The control store is the truth, the topic a copy. Where the log has lost the newest records (a power cut under `flush: process`, a
 * folder deleted), no gateway would ever count as fresh again: so what still matters is published anew from the store.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { ControlRecord, IncidentClosure, Lockout } from '../../schemas/types.ts';
import { controlKey, type ControlView } from './control-view.ts';
import { LOCKOUTS } from './control-writer.ts';
import { CONTROL_HEAD, type ControlHead } from './lease.ts';
import { TOKENS, type StoredToken } from './token-index.ts';

const PAGE = 1000;

/** To be called when the view has caught up; returns how many records were published. */
export async function republishIfBehind(
  { store, codec, clock }: { store: ControlStore; codec: Codec<ControlRecord>; clock: Clock },
  view: ControlView,
): Promise<number> {
  const head = await store.get<ControlHead>(CONTROL_HEAD.collection, CONTROL_HEAD.id);
  // What is in the outbox is on its way.
  if (
    head === undefined ||
    head.value.revision <= view.appliedRevision() ||
    (await store.outbox(1)).length > 0
  )
    return 0;
  const publishAll = async (
    collection: string,
    bodyOf: (value: unknown) => ControlRecord['body'] | undefined,
  ): Promise<number> => {
    let published = 0;
    for (let after: string | undefined; ;) {
      const page = await store.list(collection, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      const bodies = page.map(({ value }) => bodyOf(value)).filter((body) => body !== undefined);
      published += bodies.length;
      await store.transact(async (transaction) => {
        const { revision } = transaction;
        for (const body of bodies)
          await transaction.publish(
            TOPICS.control.name,
            controlKey(body),
            codec.encode({ revision, time: clock.now(), body }),
          );
        if (bodies.length > 0) await transaction.put(CONTROL_HEAD.collection, CONTROL_HEAD.id, { revision });
      });
      after = page.at(-1)?.id;
      if (page.length < PAGE) return published;
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
    await store.transact((transaction) =>
      transaction.put(CONTROL_HEAD.collection, CONTROL_HEAD.id, { revision: view.appliedRevision() }),
    );
  return published;
}
