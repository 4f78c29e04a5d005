import type { ControlApiServices } from '../../gateway/control-api/services.ts';
import type { KeyWrapper } from '../../gateway/credentials/embedded-vault.ts';
import { readRecording } from '../../gateway/recording/recordings.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { RecordingStore } from '../../platform/recording-store/recording-store.ts';
import type { RecordingLine } from '../../schemas/api/sessions.ts';

/** Recordings as lines; a piece that cannot be read is said, and the rest follows. */
export function createRecordingService(
  store: RecordingStore,
  wrapper: KeyWrapper,
): ControlApiServices['recordings'] {
  return {
    async read(sessionId) {
      const items = readRecording({ store, wrapper }, sessionId);
      let first: Awaited<ReturnType<typeof items.next>>;
      try {
        first = await items.next();
      } catch (error) {
        // An id that names nothing, or is none.
        if (isCountersignError(error) && error.code.startsWith('RECORDING_')) return undefined;
        throw error;
      }
      return (async function* lines(): AsyncGenerator<RecordingLine> {
        let time = 0;
        for (let next = first; next.done !== true; next = await items.next()) {
          const item = next.value;
          if (item.kind === 'problem') yield { time, stream: 'problem', requestId: null, data: item.reason };
          else {
            const { frame } = item;
            time = frame.time;
            yield {
              time,
              stream: frame.stream,
              requestId: frame.requestId,
              data: Buffer.from(frame.bytes).toString('base64'),
            };
          }
        }
      })();
    },
  };
}
