import { createReader, createWriter } from './bytes.ts';
import type { Channel } from './channel.ts';
import { check } from './error-codes.ts';

const CREATE_TOPICS = { key: 19, name: 'CreateTopics' };
const DESCRIBE_CONFIGS = { key: 32, name: 'DescribeConfigs' };
const TOPIC = 2;

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  /** -1: as the broker is set. */
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** CreateTopics, version 3; any broker passes it on to the controller. Returns a code and a reason for each. */
export async function createTopics(
  channel: Channel,
  topics: readonly NewTopic[],
  timeoutMs: number,
): Promise<{ readonly name: string; readonly code: number; readonly reason: string }[]> {
  const body = createWriter();
  body.array(topics, ({ name, partitions, replicas, settings }) => {
    body.string(name).int32(partitions).int16(replicas).int32(0);
    body.array(Object.entries(settings), ([key, value]) => body.string(key).string(value));
  });
  body.int32(timeoutMs).boolean(false);
  const request = { api: CREATE_TOPICS, version: 3, body: body.done(), waitMs: timeoutMs };
  const answer = createReader(await channel.send(request));
  answer.int32();
  return answer.array(() => {
    const name = answer.string()!;
    const code = answer.int16();
    return { name, code, reason: answer.string() ?? '' };
  });
}

/** DescribeConfigs, version 1: settings of topics, by topic. */
export async function describeTopics(
  channel: Channel,
  topics: readonly string[],
  settings: readonly string[],
): Promise<Map<string, ReadonlyMap<string, string>>> {
  const body = createWriter();
  body.array(topics, (topic) => {
    body
      .int8(TOPIC)
      .string(topic)
      .array(settings, (name) => body.string(name));
  });
  body.boolean(false);
  const answer = createReader(await channel.send({ api: DESCRIBE_CONFIGS, version: 1, body: body.done() }));
  answer.int32();
  const found = answer.array(() => {
    const code = answer.int16();
    answer.string();
    answer.int8();
    const topic = answer.string()!;
    check(code, `settings of topic ${topic}`);
    const entries = answer.array(() => {
      const name = answer.string()!;
      const value = answer.string() ?? '';
      answer.boolean();
      answer.int8();
      answer.boolean();
      answer.array(() => [answer.string(), answer.string(), answer.int8()]);
      return [name, value] as const;
    });
    return [topic, new Map(entries)] as const;
  });
  return new Map(found);
}
