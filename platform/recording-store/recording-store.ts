/**
 * Port: where recordings are kept. A recording is a sequence of opaque chunks (already encrypted) and, at its end, a manifest.
 * Adapters: folder, s3. Conformance: platform/recording-store/test/conformance.ts.
 */
export interface ChunkInfo {
  readonly index: number;
  readonly bytes: number;
  /** SHA-256 of the chunk, hex. */
  readonly sha256: string;
}

export type ChunkRead =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: 'absent' | 'corrupt' };

export interface RecordingStore {
  /** Stores one chunk; storing the same bytes again is harmless, other bytes under a stored index fail with RECORDING_CHUNK_CONFLICT. Resolves when durable and read back. */
  putChunk(recordingId: string, index: number, bytes: Uint8Array): Promise<ChunkInfo>;
  /**
   * Takes over a file of this machine that holds one chunk, instead of a copy of it. Resolves when durable, or with false where it cannot
   * do that: then the file is as it was, and the chunk has to be put.
   */
  adoptChunk?(recordingId: string, chunk: ChunkInfo, path: string): Promise<boolean>;
  /** A corrupt chunk is a value, so that the others stay readable. */
  getChunk(recordingId: string, index: number): Promise<ChunkRead>;
  /** Chunks there are, in order. */
  chunks(recordingId: string): Promise<ChunkInfo[]>;
  putManifest(recordingId: string, manifest: Uint8Array): Promise<void>;
  getManifest(recordingId: string): Promise<Buffer | undefined>;
  /** Recording ids, newest first (they are UUIDv7). */
  list(options: { readonly limit: number; readonly before?: string }): Promise<string[]>;
  remove(recordingId: string): Promise<void>;
  close(): Promise<void>;
}
