/** Builders of messages, both directions. Layout: type, length, body (see frame-reader.ts); strings end with a zero byte. */
import { BACKEND, FRONTEND } from './message-types.ts';

export function message(type: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length);
  bytes[0] = type;
  bytes.writeUInt32BE(4 + body.length, 1);
  body.copy(bytes, 5);
  return bytes;
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const query = (sql: string): Buffer => message(FRONTEND.query, cstring(sql));
export const parse = (name: string, sql: string): Buffer =>
  message(FRONTEND.parse, Buffer.concat([cstring(name), cstring(sql), int16(0)]));
export const bind = (portal: string, statement: string): Buffer =>
  message(FRONTEND.bind, Buffer.concat([cstring(portal), cstring(statement), int16(0), int16(0), int16(0)]));
export const execute = (portal: string): Buffer =>
  message(FRONTEND.execute, Buffer.concat([cstring(portal), int32(0)]));
export const FLUSH = message(FRONTEND.flush, Buffer.alloc(0));
export const SYNC = message(FRONTEND.sync, Buffer.alloc(0));
export const TERMINATE = message(FRONTEND.terminate, Buffer.alloc(0));

/** StartupMessage: length, version, then name and value pairs, ended by a zero byte. */
export function startup(version: number, parameters: ReadonlyMap<string, string>): Buffer {
  const parts = [Buffer.alloc(4), int32(version)];
  for (const [name, value] of parameters) parts.push(cstring(name), cstring(value));
  parts.push(Buffer.alloc(1));
  const bytes = Buffer.concat(parts);
  bytes.writeUInt32BE(bytes.length);
  return bytes;
}

export const requestCode = (code: number): Buffer => Buffer.concat([int32(8), int32(code)]);

/** CancelRequest: length, code, pid, key (4 bytes in 3.0, up to 256 since 3.2). */
export const cancelRequest = (code: number, pid: number, key: Buffer): Buffer =>
  Buffer.concat([int32(12 + key.length), int32(code), int32(pid), key]);

export const authentication = (kind: number, body: Buffer = Buffer.alloc(0)): Buffer =>
  message(BACKEND.authentication, Buffer.concat([int32(kind), body]));
export const saslMechanisms = (names: readonly string[]): Buffer =>
  authentication(10, Buffer.concat([...names.map(cstring), Buffer.alloc(1)]));
export const parameterStatus = (name: string, value: string): Buffer =>
  message(BACKEND.parameterStatus, Buffer.concat([cstring(name), cstring(value)]));
export const backendKeyData = (pid: number, key: Buffer): Buffer =>
  message(BACKEND.backendKeyData, Buffer.concat([int32(pid), key]));
export const readyForQuery = (status: string): Buffer => message(BACKEND.readyForQuery, Buffer.from(status));

/** NegotiateProtocolVersion: newest version taken, then the options that are not known. */
export const negotiateProtocolVersion = (version: number, unknown: readonly string[]): Buffer =>
  message(
    BACKEND.negotiateProtocolVersion,
    Buffer.concat([int32(version), int32(unknown.length), ...unknown.map(cstring)]),
  );

export interface ErrorFields {
  readonly severity: 'ERROR' | 'FATAL' | 'WARNING' | 'NOTICE';
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** ErrorResponse or NoticeResponse: fields of a letter and a string (PostgreSQL: 54.8). */
export function errorResponse(fields: ErrorFields): Buffer {
  const clean = (text: string): string => text.replaceAll('\0', '');
  const parts = [
    `S${fields.severity}`,
    `V${fields.severity}`,
    `C${fields.sqlState}`,
    `M${clean(fields.message)}`,
    ...(fields.detail === undefined ? [] : [`D${clean(fields.detail)}`]),
    ...(fields.hint === undefined ? [] : [`H${clean(fields.hint)}`]),
  ];
  const notice = fields.severity === 'WARNING' || fields.severity === 'NOTICE';
  return message(
    notice ? BACKEND.noticeResponse : BACKEND.errorResponse,
    Buffer.from(`${parts.join('\0')}\0\0`),
  );
}

/** Password and SASL messages of a client. */
export const password = (secret: string): Buffer => message(FRONTEND.password, cstring(secret));
export const saslInitialResponse = (mechanism: string, response: string): Buffer => {
  const body = Buffer.from(response);
  return message(FRONTEND.password, Buffer.concat([cstring(mechanism), int32(body.length), body]));
};
export const saslResponse = (response: string): Buffer => message(FRONTEND.password, Buffer.from(response));
