import type { Assignment, BatchControl, ConsumerOptions, LogRecord } from '../event-log.ts';
import type { WireSeek } from './serve-event-log.ts';

/** This thread's half of a consumer: runs the callbacks, and holds back what was on its way when it was paused. */
export interface RemoteConsumer {
  batch(records: readonly LogRecord[]): Promise<void>;
  assigned(partitions: Assignment): Promise<WireSeek[]>;
  revoked(partitions: Assignment): Promise<void>;
  failed(error: unknown): void;
  pause(): void;
  resume(): void;
  end(): void;
}

/** Answers a batch that was never handed out, so that the other side does not commit it. */
class NotDelivered extends Error {
  override readonly name = 'NotDelivered';
}

export function createRemoteConsumer(options: ConsumerOptions, control: BatchControl): RemoteConsumer {
  let paused: Promise<void> | undefined;
  let release: (() => void) | undefined;
  let ended = false;
  let original: { readonly error: unknown } | undefined;
  const resume = (): void => {
    paused = undefined;
    release?.();
  };
  return {
    async batch(records) {
      while (paused !== undefined && !ended) await paused;
      if (ended) throw new NotDelivered('consumer is closing');
      try {
        await options.onBatch(records, control);
      } catch (error) {
        original ??= { error };
        throw error;
      }
    },
    async assigned(partitions) {
      const seeks: WireSeek[] = [];
      try {
        await options.onAssigned?.(partitions, {
          seek(topic, partition, offset) {
            seeks.push({ topic, partition, offset });
          },
        });
      } catch (error) {
        original ??= { error };
        throw error;
      }
      return seeks;
    },
    async revoked(partitions) {
      await options.onRevoked?.(partitions);
    },
    failed(error) {
      // The caller's own error object where it came from here.
      if (error instanceof Error && error.name === 'NotDelivered') return;
      options.onFailure(original === undefined ? error : original.error);
    },
    pause() {
      paused ??= new Promise((resolve) => {
        release = resolve;
      });
    },
    resume,
    end() {
      ended = true;
      resume();
    },
  };
}
