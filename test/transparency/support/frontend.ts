/** Messages of a client, with all that the protocol lets them carry (PostgreSQL: 54.7 "Message Formats"). */

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(4 + body.length), body]);
}

export type Value = string | Buffer | null;
const value = (one: Value): Buffer => {
  if (one === null) return int32(-1);
  const bytes = Buffer.isBuffer(one) ? one : Buffer.from(one);
  return Buffer.concat([int32(bytes.length), bytes]);
};

export const query = (sql: string): Buffer => message('Q', text(sql));
export const parse = (sql: string, name = '', types: readonly number[] = []): Buffer =>
  message('P', text(name), text(sql), int16(types.length), ...types.map(int32));

export interface BindFields {
  readonly portal?: string;
  readonly statement?: string;
  readonly parameterFormats?: readonly number[];
  readonly parameters?: readonly Value[];
  readonly resultFormats?: readonly number[];
}
export function bind(fields: BindFields = {}): Buffer {
  const { parameterFormats = [], parameters = [], resultFormats = [] } = fields;
  return message(
    'B',
    text(fields.portal ?? ''),
    text(fields.statement ?? ''),
    int16(parameterFormats.length),
    ...parameterFormats.map(int16),
    int16(parameters.length),
    ...parameters.map(value),
    int16(resultFormats.length),
    ...resultFormats.map(int16),
  );
}
export const describeStatement = (name = ''): Buffer => message('D', Buffer.from('S'), text(name));
export const describePortal = (name = ''): Buffer => message('D', Buffer.from('P'), text(name));
export const execute = (portal = '', rows = 0): Buffer => message('E', text(portal), int32(rows));
export const closeStatement = (name = ''): Buffer => message('C', Buffer.from('S'), text(name));
export const closePortal = (name = ''): Buffer => message('C', Buffer.from('P'), text(name));
export const SYNC = message('S');
export const FLUSH = message('H');
export const TERMINATE = message('X');
export const copyData = (bytes: Buffer | string): Buffer => message('d', Buffer.from(bytes));
export const COPY_DONE = message('c');
export const copyFail = (reason: string): Buffer => message('f', text(reason));
/** FunctionCall: object id, argument formats, arguments, result format. */
export const functionCall = (
  oid: number,
  formats: readonly number[],
  args: readonly Value[],
  result: number,
) =>
  message(
    'F',
    int32(oid),
    int16(formats.length),
    ...formats.map(int16),
    int16(args.length),
    ...args.map(value),
    int16(result),
  );

/** Parse, Bind, Describe, Execute, Sync of one statement. */
export const extended = (sql: string, fields: BindFields = {}): Buffer =>
  Buffer.concat([parse(sql), bind(fields), describePortal(), execute(), SYNC]);
