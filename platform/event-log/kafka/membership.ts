/** One member's life in a group: joins, learns its partitions, is heard of, joins again when the group changes, leaves. */
import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import {
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  PROTOCOL,
  type TopicPartition,
} from './assignor.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import type { Channel } from './wire/channel.ts';
import { CODE, KafkaAnswerError } from './wire/error-codes.ts';
import { heartbeat, joinGroup, leaveGroup, syncGroup, type Membership as Identity } from './wire/group.ts';

export interface MembershipHandlers {
  /** What this member has and works on. */
  owned(): readonly TopicPartition[];
  /** Ends the work on these; resolves when it is done and committed. */
  revoke(partitions: readonly TopicPartition[]): Promise<void>;
  /** Begins the work on these. */
  assign(partitions: readonly TopicPartition[]): Promise<void>;
  /** The group has gone on without this member: others have its partitions already. */
  lost(): Promise<void>;
  rebalanced(): void;
  failed(error: unknown): void;
}

export interface Membership {
  /** Joins; resolves when the first partitions are there and worked on. */
  start(): Promise<void>;
  /** For commits: who this member is now. */
  identity(): Identity;
  /** The connection to the group's coordinator for commits. */
  coordinator(): Promise<Channel>;
  /** Looks the coordinator up again at the next request. */
  forgetCoordinator(): void;
  /** Joins no more and leaves; the work must have ended. */
  leave(): Promise<void>;
}

type Change = 'none' | 'rebalance' | 'unheard' | 'lost';
const SEVERITY: readonly Change[] = ['none', 'rebalance', 'unheard', 'lost'];
const LEAVE_TIMEOUT_MS = 2000;
const NOBODY = { generation: -1, memberId: '' };

export function createMembership(
  deps: { readonly cluster: Cluster; readonly clock: Clock; readonly log: Logger },
  config: KafkaConfig,
  group: string,
  topics: readonly string[],
  handlers: MembershipHandlers,
): Membership {
  const { cluster, clock, log } = deps;
  // Joining waits for all other members at the broker, and what is sent behind it on the same connection with it.
  const joining = createChannels(cluster.transport);
  const talking = createChannels(cluster.transport);
  const stopped = new AbortController();
  let me: Identity = { group, ...NOBODY };
  let talk: Promise<Channel> | undefined;
  let leaving = false;
  /** Set when the group changes; `wake` ends the wait for it. */
  let change: Change = 'none';
  let wake: (() => void) | undefined;

  const changed = (what: Change): void => {
    if (SEVERITY.indexOf(what) > SEVERITY.indexOf(change)) change = what;
    wake?.();
  };
  const coordinator = async (): Promise<Channel> => {
    const current = talk;
    if (current !== undefined) {
      const channel = await current.catch(() => undefined);
      if (channel?.usable === true) return channel;
      if (talk === current) talk = undefined;
    }
    talk ??= cluster.coordinator(talking, 'group', group);
    return talk;
  };
  const isLost = (code: number): boolean =>
    code === CODE.UNKNOWN_MEMBER_ID || code === CODE.ILLEGAL_GENERATION;

  const beat = async (): Promise<void> => {
    let lastHeard = clock.monotonicUs();
    while (!stopped.signal.aborted) {
      await clock.sleep(config.heartbeatMs, stopped.signal).catch(() => undefined);
      if (stopped.signal.aborted) return;
      const asked = me;
      if (asked.memberId === '' || asked.generation < 0) continue;
      try {
        const code = await heartbeat(await coordinator(), asked);
        if (asked.generation !== me.generation) continue;
        if (code === CODE.NONE || code === CODE.REBALANCE_IN_PROGRESS) lastHeard = clock.monotonicUs();
        if (code === CODE.REBALANCE_IN_PROGRESS) changed('rebalance');
        else if (isLost(code)) changed('lost');
        else if (code !== CODE.NONE) talk = undefined;
      } catch (error) {
        talk = undefined;
        log.debug({ error, group }, 'heartbeat failed');
      }
      // Unheard of for so long, the broker gives our partitions to others: whoever still works on them must know.
      if (clock.monotonicUs() - lastHeard > config.sessionTimeoutMs * 1000) {
        lastHeard = clock.monotonicUs();
        changed('unheard');
      }
    }
  };
  const joinOnce = async (): Promise<TopicPartition[]> => {
    const channel = await cluster.coordinator(joining, 'group', group);
    const view = { topics, owned: handlers.owned(), generation: me.generation };
    const joined = await joinGroup(channel, {
      group,
      memberId: me.memberId,
      sessionTimeoutMs: config.sessionTimeoutMs,
      rebalanceTimeoutMs: config.rebalanceTimeoutMs,
      protocol: PROTOCOL,
      metadata: encodeSubscription(view),
    });
    me = { group, generation: joined.generation, memberId: joined.memberId };
    change = 'none';
    const assignments: { id: string; assignment: Buffer }[] = [];
    if (joined.leads) {
      const members = joined.members.map(({ id, metadata }) => decodeSubscription(id, metadata));
      const counts = new Map<string, number>();
      for (const topic of new Set(members.flatMap((member) => member.topics)))
        counts.set(topic, (await cluster.partitions(topic)).length);
      for (const [id, partitions] of assign(members, (topic) => counts.get(topic)!))
        assignments.push({ id, assignment: encodeAssignment(partitions) });
    }
    return decodeAssignment(await syncGroup(channel, me, assignments, config.rebalanceTimeoutMs));
  };
  /** Joins until it is in; a member that was thrown out gives up what it had and comes back as a new one. */
  const join = (): Promise<TopicPartition[]> =>
    cluster.call(async () => {
      if (leaving) return [];
      try {
        return await joinOnce();
      } catch (error) {
        if (leaving) return [];
        if (!(error instanceof KafkaAnswerError)) throw error;
        if (isLost(error.code)) {
          await giveUp();
          throw new KafkaAnswerError(
            CODE.COORDINATOR_NOT_AVAILABLE,
            `group ${group} went on without this member`,
          );
        }
        if (error.code === CODE.REBALANCE_IN_PROGRESS)
          throw new KafkaAnswerError(CODE.COORDINATOR_NOT_AVAILABLE, `group ${group} changes`);
        throw error;
      }
    }, JOIN_TIMEOUT_MS);
  const giveUp = async (memberId = ''): Promise<void> => {
    me = { group, generation: -1, memberId };
    await handlers.lost();
  };
  const round = async (): Promise<void> => {
    const assigned = await join();
    if (leaving) return;
    log.info({ group, partitions: assigned.length, generation: me.generation }, 'a group has changed');
    handlers.rebalanced();
    const owned = handlers.owned();
    const has = (list: readonly TopicPartition[], one: TopicPartition): boolean =>
      list.some(({ topic, partition }) => topic === one.topic && partition === one.partition);
    const revoked = owned.filter((one) => !has(assigned, one));
    const added = assigned.filter((one) => !has(owned, one));
    if (revoked.length > 0) {
      await handlers.revoke(revoked);
      // What was given up here goes to others in a next round.
      changed('rebalance');
    }
    if (added.length > 0 && !leaving && change !== 'lost' && change !== 'unheard')
      await handlers.assign(added);
  };
  const run = async (onFirst: () => void): Promise<void> => {
    while (!leaving) {
      await round();
      onFirst();
      while (change === 'none' && !leaving)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      if (leaving) return;
      if (change === 'lost') await giveUp();
      // Under the same id: where the broker still knows it, nobody has to wait until the old one has expired.
      else if (change === 'unheard') await giveUp(me.memberId);
    }
  };
  let running: Promise<void> | undefined;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        beat().catch((error: unknown) => log.error({ error, group }, 'heartbeats of a consumer failed'));
        let started = false;
        const first = (): void => {
          started = true;
          resolve();
        };
        running = run(first).catch((error: unknown) => {
          if (!started) reject(error);
          else if (!leaving) handlers.failed(error);
        });
      }),
    identity: () => me,
    coordinator,
    forgetCoordinator() {
      talk = undefined;
    },
    async leave() {
      leaving = true;
      stopped.abort();
      wake?.();
      // A join under way may wait for other members: the broker ends it when it hears that we go.
      const { memberId } = me;
      if (memberId !== '')
        await cluster
          .call(async () => leaveGroup(await coordinator(), group, memberId), LEAVE_TIMEOUT_MS)
          .catch((error: unknown) => log.debug({ error, group }, 'leaving a group failed'));
      joining.close();
      talking.close();
      await running;
    },
  };
}
/** A group without a coordinator comes back when the brokers do; until then there is nothing to be done. */
const JOIN_TIMEOUT_MS = 24 * 3_600_000;
