/** What passes between the main thread and the one that writes recordings. */
import type { ChunkWriterConfig } from '../../gateway/recording/chunk-writer.ts';
import type { RecordingStoreConfig } from '../../schemas/config/recording-store.ts';

/** Frames of this size go through shared memory; smaller ones are copied into the message. */
export const SHARED_BYTES_MIN = 16 * 1024;

export interface RecordingThreadData {
  readonly local: ChunkWriterConfig;
  readonly store: RecordingStoreConfig;
}

export type ToRecordingThread =
  | {
      readonly do: 'begin';
      readonly recordingId: string;
      readonly key: Uint8Array;
      readonly wrapped: Uint8Array;
      readonly index: number;
    }
  /** Once those that go on have begun. */
  | { readonly do: 'start' }
  | {
      readonly do: 'write';
      readonly id: number;
      readonly recordingId: string;
      readonly last: boolean;
      /** Shared: the first `length` bytes, until it is answered. */
      readonly frames: Uint8Array | SharedArrayBuffer;
      readonly length: number;
    }
  | { readonly do: 'end'; readonly recordingId: string }
  | { readonly do: 'stop'; readonly id: number };

export type FromRecordingThread =
  /** A piece is in the folder, or everything has stopped. */
  | { readonly done: number; readonly localBytes: number }
  | {
      readonly log: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: Record<string, unknown>;
      readonly text: string;
    };
