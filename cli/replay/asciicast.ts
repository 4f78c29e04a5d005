/** One terminal of a recording as asciicast v3 (docs.asciinema.org/manual/asciicast/v3): `asciinema play FILE`. */
import { StringDecoder } from 'node:string_decoder';
import type { RecordingLine } from '../../schemas/api/sessions.ts';

export interface Cast {
  /** Lines that a frame gives. */
  take(frame: RecordingLine): string[];
}

/**
 * `requestId`: of the shell or command whose terminal it is; undefined takes the first that said anything. Times are intervals in
 * seconds since the event before.
 */
export function createCast(requestId: string | undefined): Cast {
  const decoders = { i: new StringDecoder('utf8'), o: new StringDecoder('utf8') };
  let of = requestId;
  let lastMs: number | undefined;
  const event = (time: number, code: string, data: string): string => {
    const interval = Math.max(0, time - (lastMs ?? time)) / 1000;
    lastMs = time;
    return JSON.stringify([Number(interval.toFixed(6)), code, data]);
  };
  return {
    take({ time, stream, requestId: from, data }) {
      if (stream === 'problem') return lastMs === undefined ? [] : [event(time, 'm', data)];
      if (from === null || (of !== undefined && from !== of)) return [];
      of ??= from;
      const bytes = Buffer.from(data, 'base64');
      const [cols = 80, rows = 24] = stream === 'size' ? bytes.toString().split('x').map(Number) : [];
      const lines: string[] = [];
      if (lastMs === undefined) {
        lastMs = time;
        lines.push(JSON.stringify({ version: 3, term: { cols, rows }, timestamp: Math.floor(time / 1000) }));
        if (stream === 'size') return lines;
      }
      if (stream === 'size') return [...lines, event(time, 'r', `${cols}x${rows}`)];
      const code = stream === 'in' ? 'i' : 'o';
      const text = decoders[code].write(bytes);
      return text === '' ? lines : [...lines, event(time, code, text)];
    },
  };
}
