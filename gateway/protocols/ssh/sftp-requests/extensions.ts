/** Parts of packets that extensions share with the others, and OpenSSH's extensions. */
import type { ClientPacket, HandleOperation, PathOperation } from './operations.ts';
import type { FieldReader } from './packet.ts';

const ATTR_SIZE = 1;
const ATTR_OWNER = 2;
const ATTR_PERMISSIONS = 4;

/** A handle as a key. */
export const handleName = (bytes: Buffer): string => bytes.toString('latin1');

/** Permission bits among attributes; null where there are none. */
export function permissionsOf(fields: FieldReader): number | null {
  const flags = fields.uint32();
  if ((flags & ATTR_SIZE) !== 0) fields.uint64();
  if ((flags & ATTR_OWNER) !== 0) {
    fields.uint32();
    fields.uint32();
  }
  return (flags & ATTR_PERMISSIONS) === 0 ? null : fields.uint32();
}

/** Operations on two paths. */
export function twoPaths(
  id: number,
  name: string,
  fields: FieldReader,
  first: 'read' | 'delete',
  second: 'write',
): PathOperation {
  const one = { raw: fields.string(), use: first };
  const other = { raw: fields.string(), use: second };
  return { kind: 'path', id, name, paths: [one, other], changes: true, permissions: null, opens: false };
}

/** OpenSSH's extensions (its PROTOCOL file, chapter 4). */
export function readExtension(id: number, fields: FieldReader): ClientPacket {
  const name = fields.string().toString('latin1');
  const plain: Omit<PathOperation, 'paths' | 'name' | 'changes'> = {
    kind: 'path',
    id,
    permissions: null,
    opens: false,
  };
  const onHandle = (of: HandleOperation['name']): HandleOperation => ({
    kind: 'handle',
    id,
    name: of,
    handle: handleName(fields.string()),
    otherHandle: null,
    length: 0,
    data: null,
    permissions: null,
  });
  switch (name) {
    case 'posix-rename@openssh.com':
      return twoPaths(id, 'rename', fields, 'delete', 'write');
    case 'hardlink@openssh.com':
      return twoPaths(id, 'hardlink', fields, 'read', 'write');
    case 'lsetstat@openssh.com': {
      const paths = [{ raw: fields.string(), use: 'alter' as const }];
      return { ...plain, name: 'setstat', paths, changes: true, permissions: permissionsOf(fields) };
    }
    case 'statvfs@openssh.com':
      return { ...plain, name: 'statvfs', paths: [{ raw: fields.string(), use: 'look' }], changes: false };
    case 'fstatvfs@openssh.com':
      return onHandle('fstatvfs');
    case 'fsync@openssh.com':
      return onHandle('fsync');
    case 'copy-data': {
      const from = onHandle('copy');
      fields.uint64();
      fields.uint64();
      const otherHandle = handleName(fields.string());
      fields.uint64();
      return { ...from, otherHandle };
    }
    case 'limits@openssh.com':
      return { kind: 'ask', id, name: 'limits', where: null };
    case 'home-directory':
    case 'users-groups-by-id@openssh.com':
      return { kind: 'ask', id, name, where: null };
    case 'expand-path@openssh.com':
      return { kind: 'ask', id, name: 'expand-path', where: fields.string() };
    default:
      return { kind: 'extension', id, name: name.slice(0, 128) };
  }
}
