/** Decoders of message bodies. What does not fit its layout to the last byte is `undefined`: the peer broke the protocol. */

/** How bytes of a client encoding become a string; other encodings that are ASCII-safe are read as UTF-8 (lossy). */
export type TextEncoding = 'utf8' | 'latin1';

export interface ParseMessage {
  readonly name: string;
  readonly sql: string;
  /** Object ids of the parameters' types that are not PostgreSQL's own, each once. */
  readonly types: readonly number[];
}

/** Reads a zero-terminated string at `at`, or undefined where there is no end before `end`. */
function stringEnd(buffer: Buffer, at: number, end: number): number {
  const zero = buffer.indexOf(0, at);
  return zero === -1 || zero >= end ? -1 : zero;
}

/** Query: text. */
export function decodeQuery(
  buffer: Buffer,
  start: number,
  end: number,
  encoding: TextEncoding,
): string | undefined {
  const at = start + 5;
  const zero = stringEnd(buffer, at, end);
  return zero === end - 1 ? buffer.toString(encoding, at, zero) : undefined;
}

/** Parse: statement name, text, number of parameter types (int16), types (int32 each). */
export function decodeParse(
  buffer: Buffer,
  start: number,
  end: number,
  encoding: TextEncoding,
): ParseMessage | undefined {
  const nameAt = start + 5;
  const nameEnd = stringEnd(buffer, nameAt, end);
  if (nameEnd === -1) return undefined;
  const sqlEnd = stringEnd(buffer, nameEnd + 1, end);
  if (sqlEnd === -1 || sqlEnd + 3 > end) return undefined;
  const types = buffer.readUInt16BE(sqlEnd + 1);
  if (sqlEnd + 3 + types * 4 !== end) return undefined;
  return {
    name: buffer.toString('latin1', nameAt, nameEnd),
    sql: buffer.toString(encoding, nameEnd + 1, sqlEnd),
    types: types === 0 ? NO_TYPES : ownTypes(buffer, sqlEnd + 3, types),
  };
}

const NO_TYPES: readonly number[] = [];
/** FirstNormalObjectId: below it are the server's own. */
const FIRST_OWN_TYPE = 16_384;
function ownTypes(buffer: Buffer, at: number, count: number): readonly number[] {
  const found = new Set<number>();
  for (let index = 0; index < count; index += 1) {
    const type = buffer.readUInt32BE(at + index * 4);
    if (type >= FIRST_OWN_TYPE) found.add(type);
  }
  return found.size === 0 ? NO_TYPES : [...found];
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly parameterCount: number;
  /** Where the parameters' bytes stand in the buffer (lengths included). */
  readonly parametersStart: number;
  readonly parametersEnd: number;
}

/** Bind: portal, statement, formats (int16 n, int16 each), parameters (int16 n; int32 length or -1, bytes), result formats. */
export function decodeBind(buffer: Buffer, start: number, end: number): BindMessage | undefined {
  const portalEnd = stringEnd(buffer, start + 5, end);
  if (portalEnd === -1) return undefined;
  const statementEnd = stringEnd(buffer, portalEnd + 1, end);
  if (statementEnd === -1) return undefined;
  let at = statementEnd + 1;
  if (at + 2 > end) return undefined;
  at += 2 + buffer.readUInt16BE(at) * 2;
  if (at + 2 > end) return undefined;
  const parameterCount = buffer.readUInt16BE(at);
  at += 2;
  const parametersStart = at;
  for (let index = 0; index < parameterCount; index += 1) {
    if (at + 4 > end) return undefined;
    const length = buffer.readInt32BE(at);
    if (length < -1) return undefined;
    at += 4 + Math.max(0, length);
  }
  if (at + 2 > end) return undefined;
  if (at + 2 + buffer.readUInt16BE(at) * 2 !== end) return undefined;
  return {
    portal: buffer.toString('latin1', start + 5, portalEnd),
    statement: buffer.toString('latin1', portalEnd + 1, statementEnd),
    parameterCount,
    parametersStart,
    parametersEnd: at,
  };
}

export interface NamedMessage {
  /** `S` statement or `P` portal. */
  readonly kind: 'S' | 'P';
  readonly name: string;
}

/** Describe and Close: `S` or `P`, name. */
export function decodeNamed(buffer: Buffer, start: number, end: number): NamedMessage | undefined {
  const kind = buffer[start + 5];
  if (kind !== 0x53 && kind !== 0x50) return undefined;
  const zero = stringEnd(buffer, start + 6, end);
  if (zero !== end - 1) return undefined;
  return { kind: kind === 0x53 ? 'S' : 'P', name: buffer.toString('latin1', start + 6, zero) };
}

/** Execute: portal, greatest number of rows (int32). */
export function decodeExecute(buffer: Buffer, start: number, end: number): string | undefined {
  const zero = stringEnd(buffer, start + 5, end);
  return zero !== -1 && zero + 5 === end ? buffer.toString('latin1', start + 5, zero) : undefined;
}

/** FunctionCall: object id first. */
export function decodeFunctionCall(buffer: Buffer, start: number, end: number): number | undefined {
  return end - start >= 9 ? buffer.readUInt32BE(start + 5) : undefined;
}

export interface ServerError {
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
}

/** ErrorResponse: fields of a letter and a string; `V` is the severity that is never translated. */
export function decodeError(buffer: Buffer, start: number, end: number): ServerError {
  let severity = 'ERROR';
  let sqlState = 'XX000';
  let text = '';
  for (let at = start + 5; at < end && buffer[at] !== 0;) {
    const zero = stringEnd(buffer, at + 1, end);
    if (zero === -1) break;
    const letter = buffer[at];
    if (letter === 0x56) severity = buffer.toString('utf8', at + 1, zero);
    else if (letter === 0x43) sqlState = buffer.toString('latin1', at + 1, zero);
    else if (letter === 0x4d) text = buffer.toString('utf8', at + 1, zero);
    at = zero + 1;
  }
  return { severity, sqlState, message: text };
}

/** CommandComplete: the tag. */
export function decodeTag(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('latin1', start + 5, Math.max(start + 5, end - 1));
}

/** ParameterStatus: name, value. */
export function decodeParameterStatus(
  buffer: Buffer,
  start: number,
  end: number,
): { name: string; value: string } | undefined {
  const nameEnd = stringEnd(buffer, start + 5, end);
  if (nameEnd === -1) return undefined;
  const valueEnd = stringEnd(buffer, nameEnd + 1, end);
  if (valueEnd !== end - 1) return undefined;
  return {
    name: buffer.toString('utf8', start + 5, nameEnd),
    value: buffer.toString('utf8', nameEnd + 1, valueEnd),
  };
}

/** The number at the end of a command tag (`INSERT 0 5`, `SELECT 3`, `COPY 9`); 0 where there is none that can be true. */
export function rowsOfTag(tag: string): number {
  let at = tag.length;
  while (at > 0 && tag.charCodeAt(at - 1) >= 48 && tag.charCodeAt(at - 1) <= 57) at -= 1;
  const rows = at === tag.length || at === 0 ? 0 : Number(tag.slice(at));
  return Number.isSafeInteger(rows) ? rows : 0;
}
