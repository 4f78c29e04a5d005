/** What a client's packet asks for. */
import { createFieldReader, FLAG, TYPE, type FieldReader } from './packet.ts';
import { handleName, permissionsOf, readExtension, twoPaths } from './extensions.ts';

/** A packet that is a request of its own, or that looks at a path. */
export interface PathOperation {
  readonly kind: 'path';
  readonly id: number;
  readonly name: string;
  readonly paths: readonly {
    readonly raw: Buffer;
    readonly use: 'read' | 'write' | 'delete' | 'alter' | 'list' | 'look';
  }[];
  /** Whether it changes anything. */
  readonly changes: boolean;
  /** Permission bits that it sets. */
  readonly permissions: number | null;
  /** The answer is a handle. */
  readonly opens: boolean;
}

/** A packet about something that is open already. */
export interface HandleOperation {
  readonly kind: 'handle';
  readonly id: number;
  readonly name:
    | 'close'
    | 'read'
    | 'write'
    | 'fstat'
    | 'fsetstat'
    | 'readdir'
    | 'fsync'
    | 'fstatvfs'
    | 'copy';
  readonly handle: string;
  readonly otherHandle: string | null;
  /** Bytes asked for. */
  readonly length: number;
  readonly data: Buffer | null;
  readonly permissions: number | null;
}

export type ClientPacket =
  | { readonly kind: 'init'; readonly version: number }
  | PathOperation
  | HandleOperation
  /** Asks only for names: realpath, limits and the like. `where`: the path that is asked for. */
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly where: Buffer | null }
  | { readonly kind: 'extension'; readonly id: number; readonly name: string }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Reads a whole packet of the client. Never throws. */
export function readClientPacket(packet: Buffer): ClientPacket {
  const type = packet[4]!;
  const fields = createFieldReader(packet, 5);
  if (type === TYPE.init) {
    const version = fields.uint32();
    return fields.failed ? malformed('init') : { kind: 'init', version };
  }
  const id = fields.uint32();
  const read = readBody(type, id, fields);
  return fields.failed ? malformed(`type ${type}`) : read;
}

const malformed = (what: string): ClientPacket => ({
  kind: 'malformed',
  reason: `a packet that is too short (${what})`,
});

function readBody(type: number, id: number, fields: FieldReader): ClientPacket {
  const path = (
    name: string,
    use: PathOperation['paths'][number]['use'],
    changes: boolean,
    permissions: number | null = null,
  ): PathOperation => ({
    kind: 'path',
    id,
    name,
    paths: [{ raw: fields.string(), use }],
    changes,
    permissions,
    opens: false,
  });
  const withAttributes = (name: string, use: 'write' | 'alter'): PathOperation => {
    const operation = path(name, use, true);
    return { ...operation, permissions: permissionsOf(fields) };
  };
  const handle = (name: HandleOperation['name'], more: Partial<HandleOperation> = {}): HandleOperation => ({
    kind: 'handle',
    id,
    name,
    handle: '',
    otherHandle: null,
    length: 0,
    data: null,
    permissions: null,
    ...more,
  });
  switch (type) {
    case TYPE.open:
      return readOpen(id, fields);
    case TYPE.opendir:
      return { ...path('readdir', 'list', false), opens: true };
    case TYPE.close:
      return handle('close', { handle: handleName(fields.string()) });
    case TYPE.read: {
      const name = handleName(fields.string());
      fields.uint64();
      return handle('read', { handle: name, length: fields.uint32() });
    }
    case TYPE.write: {
      const name = handleName(fields.string());
      fields.uint64();
      const data = fields.string();
      return handle('write', { handle: name, data, length: data.length });
    }
    case TYPE.fstat:
      return handle('fstat', { handle: handleName(fields.string()) });
    case TYPE.readdir:
      return handle('readdir', { handle: handleName(fields.string()) });
    case TYPE.fsetstat: {
      const name = handleName(fields.string());
      return handle('fsetstat', { handle: name, permissions: permissionsOf(fields) });
    }
    case TYPE.lstat:
    case TYPE.stat:
      return path('stat', 'look', false);
    case TYPE.readlink:
      return path('readlink', 'look', false);
    case TYPE.setstat:
      return withAttributes('setstat', 'alter');
    case TYPE.mkdir:
      return withAttributes('mkdir', 'write');
    case TYPE.remove:
      return path('remove', 'delete', true);
    case TYPE.rmdir:
      return path('rmdir', 'delete', true);
    case TYPE.rename:
      return twoPaths(id, 'rename', fields, 'delete', 'write');
    case TYPE.symlink:
      // OpenSSH sends what the link leads to first, against the draft; both are looked at alike.
      return twoPaths(id, 'symlink', fields, 'read', 'write');
    case TYPE.realpath:
      return { kind: 'ask', id, name: 'realpath', where: fields.string() };
    case TYPE.extended:
      return readExtension(id, fields);
    default:
      return { kind: 'extension', id, name: `type ${type}` };
  }
}

function readOpen(id: number, fields: FieldReader): PathOperation {
  const raw = fields.string();
  const flags = fields.uint32();
  const permissions = permissionsOf(fields);
  const writes = (flags & (FLAG.write | FLAG.append | FLAG.create | FLAG.truncate)) !== 0;
  const reads = (flags & FLAG.read) !== 0 || !writes;
  const name = writes ? (reads ? 'open-both' : 'open-write') : 'open-read';
  const paths: PathOperation['paths'][number][] = [];
  if (reads) paths.push({ raw, use: 'read' });
  if (writes) paths.push({ raw, use: 'write' });
  return {
    kind: 'path',
    id,
    name,
    paths,
    changes: writes,
    permissions: writes ? permissions : null,
    opens: true,
  };
}
