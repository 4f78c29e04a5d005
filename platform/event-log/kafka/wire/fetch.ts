import { createReader, createWriter } from './bytes.ts';
import type { Channel } from './channel.ts';
import { check } from './error-codes.ts';

const FETCH = { key: 1, name: 'Fetch' };
const LIST_OFFSETS = { key: 2, name: 'ListOffsets' };
const READ_UNCOMMITTED = 0;

export interface FetchFrom {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchOptions {
  /** How long the broker waits for a first byte, milliseconds. */
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly code: number;
  /** The offset that the next record will get, as far as readers may see. */
  readonly endOffset: number;
  /** Record batches, the last of them perhaps cut off. */
  readonly batches: Buffer;
}

/** Fetch, version 11, without a fetch session. Nothing of ours is written in transactions, so all that is there is read. */
export async function fetchRecords(
  channel: Channel,
  from: readonly FetchFrom[],
  options: FetchOptions,
): Promise<FetchedPartition[]> {
  const byTopic = Map.groupBy(from, (one) => one.topic);
  const body = createWriter();
  body.int32(-1).int32(options.waitMs).int32(1).int32(options.bytesMax).int8(READ_UNCOMMITTED);
  body.int32(0).int32(-1);
  body.array([...byTopic], ([topic, ofTopic]) => {
    body.string(topic).array(ofTopic, ({ partition, offset }) => {
      body.int32(partition).int32(-1).int64(offset).int64(-1).int32(options.partitionBytesMax);
    });
  });
  body.int32(0).string('');
  const request = { api: FETCH, version: 11, body: body.done(), waitMs: options.waitMs };
  const answer = createReader(await channel.send(request));
  answer.int32();
  check(answer.int16(), 'fetch');
  answer.int32();
  return answer
    .array(() => {
      const topic = answer.string()!;
      return answer.array(() => {
        const partition = answer.int32();
        const code = answer.int16();
        const endOffset = answer.int64();
        answer.int64();
        answer.int64();
        answer.array(() => answer.int64() + answer.int64());
        answer.int32();
        return { topic, partition, code, endOffset, batches: answer.bytes() };
      });
    })
    .flat();
}

/** ListOffsets, version 2: where partitions of one topic begin or end. */
export async function listOffsets(
  channel: Channel,
  topic: string,
  partitions: readonly number[],
  at: 'start' | 'end',
): Promise<Map<number, { readonly code: number; readonly offset: number }>> {
  const body = createWriter();
  body.int32(-1).int8(READ_UNCOMMITTED);
  body.array([topic], (name) => {
    body.string(name).array(partitions, (partition) => body.int32(partition).int64(at === 'start' ? -2 : -1));
  });
  const answer = createReader(await channel.send({ api: LIST_OFFSETS, version: 2, body: body.done() }));
  answer.int32();
  const found = answer.array(() => {
    answer.string();
    return answer.array(() => {
      const partition = answer.int32();
      const code = answer.int16();
      answer.int64();
      return [partition, { code, offset: answer.int64() }] as const;
    });
  });
  return new Map(found.flat());
}
