/**
 * A PostgreSQL recording as statements and rows. Messages: type u8 | length u32 BE (with itself) | body
 * (PostgreSQL documentation, 54.7 "Message Formats").
 */
import type { RecordingLine } from '../../schemas/api/sessions.ts';
import { say, type Replay } from './lines.ts';

const HEAD_BYTES = 5;
const MESSAGE_BYTES_MAX = 1_073_741_824;

interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/** Splits a direction's bytes into messages; what is left waits for the next frame. */
function createSplitter(): { take(bytes: Buffer): Message[]; forget(): void } {
  let rest: Buffer = Buffer.alloc(0);
  return {
    take(bytes) {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      const messages: Message[] = [];
      while (rest.length >= HEAD_BYTES) {
        const length = rest.readUInt32BE(1);
        if (length < 4 || length > MESSAGE_BYTES_MAX) {
          // Not the beginning of a message (a piece is missing): nothing can be said of these bytes.
          rest = Buffer.alloc(0);
          break;
        }
        if (rest.length < length + 1) break;
        messages.push({
          type: String.fromCharCode(rest[0]!),
          body: rest.subarray(HEAD_BYTES, length + 1),
        });
        rest = rest.subarray(length + 1);
      }
      return messages;
    },
    forget() {
      rest = Buffer.alloc(0);
    },
  };
}

/** A zero-terminated text, and where the next thing begins. */
function readText(body: Buffer, at: number): { text: string; next: number } {
  const end = body.indexOf(0, at);
  const stop = end < 0 ? body.length : end;
  return { text: body.toString('utf8', at, stop), next: stop + 1 };
}

interface Column {
  readonly name: string;
  readonly binary: boolean;
}

function readColumns(body: Buffer): Column[] {
  const columns: Column[] = [];
  let at = 2;
  for (let count = body.readUInt16BE(0); count > 0 && at < body.length; count -= 1) {
    const { text: name, next } = readText(body, at);
    columns.push({ name, binary: body.readUInt16BE(next + 16) === 1 });
    at = next + 18;
  }
  return columns;
}

/** Values of a row or of a Bind, from the count on; null as NULL, bytes as \\x.... */
function readValues(body: Buffer, start: number, isBinary: (index: number) => boolean): string[] {
  const values: string[] = [];
  let at = start + 2;
  const count = body.readUInt16BE(start);
  for (let index = 0; index < count && at + 4 <= body.length; index += 1) {
    const length = body.readInt32BE(at);
    at += 4;
    if (length < 0) values.push('NULL');
    else {
      values.push(body.toString(isBinary(index) ? 'hex' : 'utf8', at, at + length));
      if (isBinary(index)) values[index] = `\\x${values[index]!}`;
      at += length;
    }
  }
  return values;
}

/** Fields of an ErrorResponse or NoticeResponse by their letters. */
function readFields(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const { text, next } = readText(body, at + 1);
    fields.set(String.fromCharCode(body[at]!), text);
    at = next;
  }
  return fields;
}

function fromClient({ type, body }: Message): string | undefined {
  switch (type) {
    case 'Q':
      return readText(body, 0).text;
    case 'P':
      return `prepare ${readText(body, readText(body, 0).next).text}`;
    case 'B': {
      const { next: afterPortal } = readText(body, 0);
      const { next: formats } = readText(body, afterPortal);
      const count = body.readUInt16BE(formats);
      const binary = (index: number): boolean =>
        count > 0 && body.readUInt16BE(formats + 2 + (count === 1 ? 0 : index) * 2) === 1;
      const values = readValues(body, formats + 2 + count * 2, binary);
      return values.length === 0 ? undefined : `with ${values.join(', ')}`;
    }
    case 'd':
      return `copy ${body.length} bytes`;
    case 'f':
      return `copy failed: ${readText(body, 0).text}`;
    case 'X':
      return 'ends the session';
    default:
      return undefined;
  }
}

export function createPostgresReplay(): Replay {
  const client = createSplitter();
  const target = createSplitter();
  let columns: Column[] = [];

  const fromTarget = ({ type, body }: Message): string | undefined => {
    switch (type) {
      case 'T':
        columns = readColumns(body);
        return columns.map(({ name }) => name).join(' | ');
      case 'D':
        return readValues(body, 0, (index) => columns[index]?.binary === true).join(' | ');
      case 'C':
        return readText(body, 0).text;
      case 'd':
        return `copy ${body.length} bytes`;
      case 'E':
      case 'N': {
        const fields = readFields(body);
        return `${fields.get('S') ?? 'ERROR'} ${fields.get('C') ?? ''}: ${fields.get('M') ?? ''}`;
      }
      default:
        return undefined;
    }
  };

  return {
    take({ time, stream, data }: RecordingLine) {
      if (stream === 'problem') {
        client.forget();
        target.forget();
        return [say(time, '!', data)];
      }
      const bytes = Buffer.from(data, 'base64');
      const [messages, mark, read] =
        stream === 'in'
          ? ([client.take(bytes), '>', fromClient] as const)
          : ([target.take(bytes), '<', fromTarget] as const);
      return messages
        .map(read)
        .filter((text) => text !== undefined)
        .map((text) => say(time, mark, text));
    },
  };
}
