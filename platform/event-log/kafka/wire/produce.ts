import { createReader, createWriter } from './bytes.ts';
import type { Channel } from './channel.ts';

const PRODUCE = { key: 0, name: 'Produce' };
/** All replicas in sync. */
const ACKS_ALL = -1;

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** One record batch. */
  readonly batch: Buffer;
}

/** RecordMetadata of one partition. */
export interface ProduceResult {
  readonly topic: string;
  readonly partition: number;
  readonly code: number;
  readonly baseOffset: number;
}

/** Produce, version 7, with acks of all replicas in sync, for which the broker waits so long. Not every partition need be in the answer: compare. */
export async function produce(
  channel: Channel,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): Promise<ProduceResult[]> {
  const byTopic = Map.groupBy(batches, (one) => one.topic);
  const body = createWriter();
  // Without a transactional id: the batches belong to no transaction (see writer-identity.ts).
  body.string(null).int16(ACKS_ALL).int32(timeoutMs);
  body.array([...byTopic], ([topic, ofTopic]) => {
    body.string(topic).array(ofTopic, ({ partition, batch }) => body.int32(partition).bytes(batch));
  });
  const request = { api: PRODUCE, version: 7, body: body.done() };
  const answer = createReader(await channel.send(request));
  return answer
    .array(() => {
      const topic = answer.string()!;
      return answer.array(() => {
        const partition = answer.int32();
        const code = answer.int16();
        const baseOffset = answer.int64();
        answer.int64();
        answer.int64();
        return { topic, partition, code, baseOffset };
      });
    })
    .flat();
}
