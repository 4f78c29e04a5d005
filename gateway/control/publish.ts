import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { ControlRecord } from '../../schemas/types.ts';
import { nextRevision, putHead } from './control-head.ts';
import { controlKey } from '../../schemas/control-key.ts';

interface PublishDeps {
  readonly clock: Clock;
  readonly codec: Codec<ControlRecord>;
}

/** Publishes a control record in a transaction, under a number that was given in it (control-head.ts). */
export async function publishNumbered(
  { clock, codec }: PublishDeps,
  transaction: ControlTransaction,
  revision: number,
  body: ControlRecord['body'],
): Promise<void> {
  const record: ControlRecord = { revision, time: clock.now(), body };
  await transaction.publish(TOPICS.control.name, controlKey(body), codec.encode(record));
  await putHead(transaction, { revision });
}

/** Publishes one control record in a transaction, under a number of its own, which it resolves with. */
export async function publishControl(
  deps: PublishDeps,
  transaction: ControlTransaction,
  body: ControlRecord['body'],
): Promise<number> {
  const revision = await nextRevision(transaction);
  await publishNumbered(deps, transaction, revision, body);
  return revision;
}
