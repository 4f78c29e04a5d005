/** The classic group protocol: JoinGroup 5, SyncGroup 2, Heartbeat 2, LeaveGroup 2, OffsetCommit 5, OffsetFetch 4. */
import { createReader, createWriter } from './bytes.ts';
import type { Channel } from './channel.ts';
import { check, checkPartitions, CODE, KafkaAnswerError } from './error-codes.ts';

const JOIN = { key: 11, name: 'JoinGroup' };
const HEARTBEAT = { key: 12, name: 'Heartbeat' };
const LEAVE = { key: 13, name: 'LeaveGroup' };
const SYNC = { key: 14, name: 'SyncGroup' };
const OFFSET_COMMIT = { key: 8, name: 'OffsetCommit' };
const OFFSET_FETCH = { key: 9, name: 'OffsetFetch' };

export interface JoinOptions {
  readonly group: string;
  /** Empty for a new member. */
  readonly memberId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocol: string;
  readonly metadata: Buffer;
}

export interface Joined {
  readonly generation: number;
  readonly memberId: string;
  readonly leads: boolean;
  /** Of the leader only. */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[];
}

export interface Membership {
  readonly group: string;
  readonly generation: number;
  readonly memberId: string;
}

/** Resolves when all members have joined. A new member is given its id first and joins again with it. */
export async function joinGroup(channel: Channel, options: JoinOptions): Promise<Joined> {
  const body = createWriter();
  body.string(options.group).int32(options.sessionTimeoutMs).int32(options.rebalanceTimeoutMs);
  body.string(options.memberId).string(null).string('consumer');
  body.array([options.protocol], (name) => body.string(name).bytes(options.metadata));
  const request = { api: JOIN, version: 5, body: body.done(), waitMs: options.rebalanceTimeoutMs };
  const answer = createReader(await channel.send(request));
  answer.int32();
  const code = answer.int16();
  const generation = answer.int32();
  answer.string();
  const leader = answer.string();
  const memberId = answer.string() ?? '';
  if (code === CODE.MEMBER_ID_REQUIRED) return joinGroup(channel, { ...options, memberId });
  check(code, `group ${options.group}`);
  const members = answer.array(() => {
    const id = answer.string()!;
    answer.string();
    return { id, metadata: answer.bytes() };
  });
  return { generation, memberId, leads: leader === memberId, members };
}

/** Resolves with this member's assignment when the leader has sent all. */
export async function syncGroup(
  channel: Channel,
  { group, generation, memberId }: Membership,
  assignments: readonly { readonly id: string; readonly assignment: Buffer }[],
  waitMs: number,
): Promise<Buffer> {
  const body = createWriter();
  body.string(group).int32(generation).string(memberId);
  body.array(assignments, ({ id, assignment }) => body.string(id).bytes(assignment));
  const answer = createReader(await channel.send({ api: SYNC, version: 2, body: body.done(), waitMs }));
  answer.int32();
  check(answer.int16(), `group ${group}`);
  return answer.bytes();
}

/** The code: NONE, or REBALANCE_IN_PROGRESS where the member is to join again. */
export async function heartbeat(
  channel: Channel,
  { group, generation, memberId }: Membership,
): Promise<number> {
  const body = createWriter();
  body.string(group).int32(generation).string(memberId);
  const answer = createReader(await channel.send({ api: HEARTBEAT, version: 2, body: body.done() }));
  answer.int32();
  return answer.int16();
}

export async function leaveGroup(channel: Channel, group: string, memberId: string): Promise<void> {
  const body = createWriter();
  body.string(group).string(memberId);
  await channel.send({ api: LEAVE, version: 2, body: body.done() });
}

export interface OffsetOf {
  readonly topic: string;
  readonly partition: number;
  /** The first record that is not done. */
  readonly offset: number;
}

export async function commitOffsets(
  channel: Channel,
  { group, generation, memberId }: Membership,
  offsets: readonly OffsetOf[],
): Promise<void> {
  const body = createWriter();
  body.string(group).int32(generation).string(memberId);
  body.array([...Map.groupBy(offsets, (one) => one.topic)], ([topic, ofTopic]) => {
    body.string(topic).array(ofTopic, ({ partition, offset }) => {
      body.int32(partition).int64(offset).string(null);
    });
  });
  const answer = createReader(await channel.send({ api: OFFSET_COMMIT, version: 5, body: body.done() }));
  answer.int32();
  checkPartitions(answer, `group ${group}`);
}

/** Committed offsets; -1 where there is none. */
export async function fetchOffsets(
  channel: Channel,
  group: string,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): Promise<OffsetOf[]> {
  const body = createWriter();
  body.string(group);
  body.array([...Map.groupBy(partitions, (one) => one.topic)], ([topic, ofTopic]) => {
    body.string(topic).array(ofTopic, ({ partition }) => body.int32(partition));
  });
  const answer = createReader(await channel.send({ api: OFFSET_FETCH, version: 4, body: body.done() }));
  answer.int32();
  const found = answer.array(() => {
    const topic = answer.string()!;
    return answer.array(() => {
      const partition = answer.int32();
      const offset = answer.int64();
      answer.string();
      return { topic, partition, offset, code: answer.int16() };
    });
  });
  check(answer.int16(), `group ${group}`);
  const failed = found.flat().find(({ code }) => code !== CODE.NONE);
  if (failed !== undefined) throw new KafkaAnswerError(failed.code, `group ${group}`);
  return found.flat();
}
