import assert from 'node:assert/strict';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { createCodec } from '../../../schemas/codec.ts';
import type { ControlView } from '../control-view.ts';

const codec = createCodec('control-record');

/** Plays outbox, log and reader: brings what the store has to publish into force in the view. The number of records. */
export async function playRelay(
  store: Pick<ControlStore, 'outbox' | 'acknowledgeOutbox'>,
  view: Pick<ControlView, 'apply'>,
): Promise<number> {
  const entries = await store.outbox(1000);
  for (const { key, value } of entries) {
    const read = codec.decode(value!);
    assert.ok(read.ok);
    view.apply(key, read.value);
  }
  if (entries.length > 0) await store.acknowledgeOutbox(entries.at(-1)!.sequence);
  return entries.length;
}
