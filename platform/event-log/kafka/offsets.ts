import type { Channels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import { CODE, KafkaAnswerError } from './wire/error-codes.ts';
import { listOffsets } from './wire/fetch.ts';

/** Where these partitions begin or end, by number. Asks each leader; errors are those of `Cluster.call`. */
export function offsetsAt(
  cluster: Cluster,
  channels: Channels,
  topic: string,
  partitions: readonly number[],
  at: 'start' | 'end',
): Promise<Map<number, number>> {
  return cluster.call(async () => {
    const byLeader = Map.groupBy(partitions, (partition) => cluster.leaderOf(topic, partition));
    const found = new Map<number, number>();
    try {
      const asked = [...byLeader].map(async ([leader, ofLeader]) => {
        if (leader < 0) throw new KafkaAnswerError(CODE.LEADER_NOT_AVAILABLE, topic);
        const channel = await cluster.channelTo(channels, leader);
        for (const [partition, { code, offset }] of await listOffsets(channel, topic, ofLeader, at)) {
          if (code !== CODE.NONE) throw new KafkaAnswerError(code, `${topic}/${partition}`);
          found.set(partition, offset);
        }
      });
      await Promise.all(asked);
    } catch (error) {
      await cluster.refresh([topic]);
      throw error;
    }
    return found;
  });
}
