/** SFTP version 3 on the wire (draft-ietf-secsh-filexfer-02, sections 3 to 7): types, status codes, and a reader that never throws. */
export const TYPE = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const FLAG = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

const STATUS_NAMES = [
  'SSH_FX_OK',
  'SSH_FX_EOF',
  'SSH_FX_NO_SUCH_FILE',
  'SSH_FX_PERMISSION_DENIED',
  'SSH_FX_FAILURE',
  'SSH_FX_BAD_MESSAGE',
  'SSH_FX_NO_CONNECTION',
  'SSH_FX_CONNECTION_LOST',
  'SSH_FX_OP_UNSUPPORTED',
];
export const STATUS = { ok: 0, eof: 1, permissionDenied: 3, failure: 4 } as const;

export const statusName = (code: number): string => STATUS_NAMES[code] ?? `SSH_FX_${code}`;

/** Largest packet that OpenSSH takes: 256 KiB; the rest is for those who count the header apart. */
export const PACKET_BYTES_MAX = 256 * 1024 + 1024;

/** Reads fields in order; after one that is not there, `failed` is true and all that follow are empty. */
export interface FieldReader {
  readonly failed: boolean;
  uint32(): number;
  uint64(): bigint;
  /** A view, not a copy. */
  string(): Buffer;
  rest(): Buffer;
}

export function createFieldReader(bytes: Buffer, start: number): FieldReader {
  let at = start;
  let failed = false;
  const take = (count: number): number => {
    const from = at;
    if (failed || count > bytes.length - at) {
      failed = true;
      return -1;
    }
    at += count;
    return from;
  };
  const uint32 = (): number => {
    const from = take(4);
    return from === -1 ? 0 : bytes.readUInt32BE(from);
  };
  return {
    get failed() {
      return failed;
    },
    uint32,
    uint64() {
      const from = take(8);
      return from === -1 ? 0n : bytes.readBigUInt64BE(from);
    },
    string() {
      const length = uint32();
      const from = take(length);
      return from === -1 ? Buffer.alloc(0) : bytes.subarray(from, from + length);
    },
    rest: () => bytes.subarray(Math.min(at, bytes.length)),
  };
}

const MESSAGE_BYTES_MAX = 1024;

/** SSH_FXP_STATUS for a request id. */
export function statusPacket(id: number, code: number, message: string): Buffer {
  const text = Buffer.from(message, 'utf8').subarray(0, MESSAGE_BYTES_MAX);
  const packet = Buffer.alloc(4 + 1 + 4 + 4 + 4 + text.length + 4);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet.writeUInt8(TYPE.status, 4);
  packet.writeUInt32BE(id, 5);
  packet.writeUInt32BE(code, 9);
  packet.writeUInt32BE(text.length, 13);
  text.copy(packet, 17);
  return packet;
}
