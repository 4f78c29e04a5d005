import type { Logger } from '../../log/log.ts';
import type { Consumer, ConsumerOptions } from '../event-log.ts';
import type { Group, Member } from './group.ts';
import type { CommittedOffsets } from './offsets.ts';

/** Joins the group; resolves when the first partitions are there and delivery runs. `onEnd` is called once when it has left. */
export async function createConsumer(
  deps: {
    readonly log: Logger;
    readonly offsets: CommittedOffsets;
    readonly group: Group;
  },
  options: ConsumerOptions,
  onEnd: (consumer: Consumer) => void,
): Promise<Consumer> {
  let paused = false;
  let failure: { readonly error: unknown } | undefined;
  let ended: Promise<void> | undefined;

  const end = async (): Promise<void> => {
    await deps.group.leave(member);
    onEnd(consumer);
  };
  const fail = (error: unknown): void => {
    if (failure !== undefined) return;
    failure = { error };
    deps.log.error({ error, group: options.group, topics: options.topics }, 'consumer stopped on an error');
    const leaving = (ended ??= end());
    leaving
      .then(() => options.onFailure(error))
      .catch((second: unknown) => {
        deps.log.error({ error: second, group: options.group }, 'failure handler of a consumer failed');
      });
  };
  const member: Member = {
    options,
    lanes: new Map(),
    laneDeps: {
      offsets: deps.offsets,
      options,
      paused: () => paused || failure !== undefined,
      failed: fail,
    },
    fail,
  };
  const consumer: Consumer = {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      for (const lane of member.lanes.values()) lane.wake();
    },
    async lag() {
      let total = 0;
      for (const lane of member.lanes.values()) total += lane.lag();
      return total;
    },
    close() {
      ended ??= end();
      return ended;
    },
  };
  await deps.group.join(member);
  return consumer;
}
