/** What a session needs of its recording. */
import type { RecordingSink } from '../sessions/session.ts';

export interface RecordingHandle {
  readonly sink: RecordingSink;
  /** Seals the recording; what is on its way still arrives. */
  close(): void;
}

export interface Recorder {
  begin(recordingId: string): RecordingHandle;
}
