import type { Address, Channel, Transport } from './wire/channel.ts';
import { KafkaConnectionError } from './wire/error-codes.ts';

/** Connections for one purpose, at most one to each broker: what waits at a broker (a fetch, a join) then holds up nothing else. */
export interface Channels {
  /** The connection to a broker, made where there is none that works. */
  to(broker: number, address: Address): Promise<Channel>;
  /** One to any of these, an open one first. */
  any(brokers: Iterable<readonly [number, Address]>): Promise<Channel>;
  close(): void;
}

/** Key of brokers whose id is not known yet: those of the configuration. */
export const bootstrapId = (index: number): number => -1 - index;

export function createChannels(transport: Transport): Channels {
  // At most one per broker and purpose: max is the size of the cluster.
  const open = new Map<number, { readonly address: Address; readonly channel: Promise<Channel> }>();
  const usable = new Map<number, Channel>();
  let closed = false;

  const to = async (broker: number, address: Address): Promise<Channel> => {
    if (closed) throw new KafkaConnectionError('unreachable', 'closed');
    const there = open.get(broker);
    if (there !== undefined) {
      const same = there.address.host === address.host && there.address.port === address.port;
      const channel = usable.get(broker);
      if (same && (channel === undefined || channel.usable)) return there.channel;
      channel?.close();
      usable.delete(broker);
    }
    const connecting = transport.connect(address);
    open.set(broker, { address, channel: connecting });
    try {
      const channel = await connecting;
      if (closed) {
        channel.close();
        throw new KafkaConnectionError('unreachable', 'closed');
      }
      if (open.get(broker)?.channel === connecting) usable.set(broker, channel);
      return channel;
    } catch (error) {
      if (open.get(broker)?.channel === connecting) open.delete(broker);
      throw error;
    }
  };
  return {
    to,
    async any(brokers) {
      const all = [...brokers];
      const ready = all.find(([id]) => usable.get(id)?.usable === true);
      if (ready !== undefined) return usable.get(ready[0])!;
      let failure: unknown = new KafkaConnectionError('unreachable', 'no broker is known');
      for (const [id, address] of all) {
        try {
          return await to(id, address);
        } catch (error) {
          failure = error;
          if (error instanceof KafkaConnectionError && error.kind === 'login-refused') break;
        }
      }
      throw failure;
    },
    close() {
      closed = true;
      for (const channel of usable.values()) channel.close();
      usable.clear();
      open.clear();
    },
  };
}
