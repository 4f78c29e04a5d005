/** A recording as lines that people read. */
import type { RecordingLine } from '../../schemas/api/sessions.ts';

export interface Replay {
  /** Lines that a frame completes; a frame may hold parts of messages. */
  take(frame: RecordingLine): string[];
}

const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

/** Text of several lines stays so, set in; what could steer a terminal does not. */
export function say(time: number, mark: '>' | '<' | '!', text: string): string {
  const shown = text
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, ' ')
    .trimEnd()
    .replaceAll('\n', `\n${' '.repeat(15)}`);
  return `${clock(time)} ${mark} ${shown}`;
}

/** For protocols whose bytes are text. */
export function createTextReplay(): Replay {
  return {
    take({ time, stream, data }) {
      if (stream === 'problem') return [say(time, '!', data)];
      if (stream === 'size') return [];
      return [say(time, stream === 'in' ? '>' : '<', Buffer.from(data, 'base64').toString('utf8'))];
    },
  };
}
