/** SFTP of one channel as requests: every operation is decided before the target gets it; bytes that are allowed go on unchanged. */
import type { CreateSftpRequests, SftpEnd, SftpFromClient, SftpOptions, SftpRequests } from '../analysis.ts';
import { describeOperation, type DescribedOperation } from './describe-operation.ts';
import { addContent, endOf, HANDLES_MAX, PENDING_MAX, plainEnd, type Pending } from './open-handles.ts';
import {
  readClientPacket,
  type ClientPacket,
  type HandleOperation,
  type PathOperation,
} from './operations.ts';
import { createPacketStream } from './packet-stream.ts';
import { STATUS, statusPacket } from './packet.ts';
import { createPathRules, seePath } from './path-rules.ts';
import { takeAnswer, withinLimit, type ChannelState } from './target-side.ts';

const VERSION = 3;

export const createSftpRequests: CreateSftpRequests = (options: SftpOptions): SftpRequests => {
  const state: ChannelState = {
    pending: new Map(),
    handles: new Map(),
    home: null,
    used: 0,
    asked: 0,
    version: null,
  };
  const rules = createPathRules(options.paths);
  const fromClientStream = createPacketStream();
  const fromTargetStream = createPacketStream();
  let operations = 0;
  let opening = 0;
  let initialised = false;
  let broken = false;

  const reply = (id: number, code: number, message: string): SftpFromClient => ({
    kind: 'reply',
    reply: statusPacket(id, code, message),
  });
  const readOnlyRefusal = (changes: boolean): DescribedOperation['refused'] =>
    changes && options.readOnly
      ? { rule: 'ssh-sftp-read-only', reason: 'this connection only reads files' }
      : null;

  /** A packet that waits for its decision. */
  function request(id: number, bytes: Buffer, described: DescribedOperation, opens: boolean): SftpFromClient {
    const operation = ++operations;
    const path = described.paths[0]?.path ?? '';
    const mine: Pending = { kind: 'operation', operation, opens, path, name: described.name };
    state.pending.set(id, mine);
    if (opens) opening += 1;
    return {
      kind: 'request',
      operation: { operation, name: described.name, analysis: describeOperation(described) },
      bytes,
      refusal(message) {
        if (state.pending.get(id) === mine) state.pending.delete(id);
        if (opens) opening -= 1;
        return statusPacket(id, STATUS.permissionDenied, message);
      },
    };
  }

  function pathOperation(packet: PathOperation, bytes: Buffer): SftpFromClient {
    const { id, name, changes, permissions, opens } = packet;
    const seen = packet.paths.map(({ raw, use }) => ({ path: seePath(raw, state.home), use }));
    const looks = seen.every(({ use }) => use === 'look');
    const reason =
      seen
        .map(({ path }) => (looks ? rules.refuseLook(path) : rules.refuse(path, changes)))
        .find((why) => why !== null) ??
      relativeLink(
        packet,
        seen.map(({ path }) => path.resolved),
      );
    const refused = readOnlyRefusal(changes) ?? (reason === null ? null : { rule: 'ssh-sftp-paths', reason });
    if (looks && refused === null) return passing(id, { kind: 'other' }, bytes);
    if (opens && state.handles.size + opening >= HANDLES_MAX)
      return reply(id, STATUS.failure, `more than ${HANDLES_MAX} files are open`);
    const paths = seen.map(({ path, use }) => ({ path: path.absolute ?? path.resolved, use }));
    return request(id, bytes, { name, paths, permissions, opaque: null, refused }, opens);
  }

  /** A link with a relative target leads from the link's folder, which is not how the target path was read here. */
  function relativeLink({ name, paths }: PathOperation, resolved: readonly string[]): string | null {
    if (name !== 'symlink' || (options.paths.allow === undefined && (options.paths.deny ?? []).length === 0))
      return null;
    return paths.every(({ raw }) => raw.length > 0 && raw[0] === 0x2f)
      ? null
      : `${resolved[1] ?? ''} would be a link by a relative path; give the whole path`;
  }

  function passing(id: number, pending: Pending, bytes: Buffer): SftpFromClient {
    state.pending.set(id, pending);
    return { kind: 'pass', bytes };
  }

  function handleOperation(packet: HandleOperation, bytes: Buffer): SftpFromClient {
    const { id, name, length, permissions } = packet;
    const handle = state.handles.get(packet.handle);
    const other = packet.otherHandle === null ? undefined : state.handles.get(packet.otherHandle);
    if (handle === undefined || (packet.otherHandle !== null && other === undefined))
      return reply(id, STATUS.failure, 'no such handle');
    const budget = options.bytesMax;
    switch (name) {
      case 'close':
        return passing(id, { kind: 'close', handle, key: packet.handle }, bytes);
      case 'read':
        if (budget !== null && state.used + state.asked + length > budget) return overBudget(id, handle);
        state.asked += length;
        return passing(id, { kind: 'read', handle, asked: length }, bytes);
      case 'write':
        if (options.readOnly) return reply(id, STATUS.permissionDenied, 'this connection only reads files');
        if (budget !== null && state.used + state.asked + length > budget) return overBudget(id, handle);
        state.used += length;
        addContent(handle, packet.data!);
        return passing(id, { kind: 'write', handle }, bytes);
      case 'readdir':
        return passing(id, { kind: 'list', handle }, bytes);
      case 'fsetstat':
        return request(
          id,
          bytes,
          {
            name: 'setstat',
            paths: [{ path: handle.path, use: 'alter' }],
            permissions,
            opaque: null,
            refused: readOnlyRefusal(true),
          },
          false,
        );
      case 'copy':
        return request(
          id,
          bytes,
          {
            name: 'copy',
            paths: [
              { path: handle.path, use: 'read' },
              { path: other!.path, use: 'write' },
            ],
            permissions: null,
            opaque: null,
            refused: readOnlyRefusal(true),
          },
          false,
        );
      default:
        return passing(id, { kind: 'other' }, bytes);
    }
  }

  function overBudget(
    id: number,
    handle: { error: { code: string; message: string } | null },
  ): SftpFromClient {
    const message = `this connection moves at most ${options.bytesMax} bytes over SFTP`;
    handle.error ??= { code: 'SSH_SFTP_BUDGET', message };
    return reply(id, STATUS.permissionDenied, message);
  }

  function take(packet: ClientPacket, bytes: Buffer): SftpFromClient {
    if (packet.kind === 'malformed') return { kind: 'broken', reason: packet.reason };
    if (packet.kind === 'init') {
      if (initialised) return { kind: 'broken', reason: 'a second init' };
      initialised = true;
      if (packet.version < VERSION)
        return { kind: 'broken', reason: `the client speaks version ${packet.version}` };
      // Of several versions the one that is read here is asked for.
      const asked = Buffer.from(bytes);
      asked.writeUInt32BE(VERSION, 5);
      return { kind: 'pass', bytes: asked };
    }
    if (!initialised) return { kind: 'broken', reason: 'a request before init' };
    if (state.pending.has(packet.id)) return { kind: 'broken', reason: `request id ${packet.id} is in use` };
    if (state.pending.size >= PENDING_MAX)
      return { kind: 'broken', reason: `more than ${PENDING_MAX} requests without an answer` };
    switch (packet.kind) {
      case 'path':
        return pathOperation(packet, bytes);
      case 'handle':
        return handleOperation(packet, bytes);
      case 'ask': {
        const home =
          packet.name === 'realpath' &&
          packet.where !== null &&
          /^\.?$/.test(packet.where.toString('latin1'));
        return passing(packet.id, { kind: home ? 'home' : 'other' }, bytes);
      }
      default: {
        const limited =
          options.readOnly || options.paths.allow !== undefined || (options.paths.deny ?? []).length > 0;
        const refused = limited
          ? { rule: 'ssh-sftp-paths', reason: `the extension ${packet.name} is not known` }
          : null;
        return request(
          packet.id,
          bytes,
          { name: 'extension', paths: [], permissions: null, opaque: packet.name, refused },
          false,
        );
      }
    }
  }

  return {
    fromClient(bytes) {
      if (broken) return [];
      const { packets, broken: why } = fromClientStream.take(bytes);
      const out: SftpFromClient[] = [];
      for (const packet of packets) {
        const item = take(readClientPacket(packet), packet);
        out.push(item);
        if (item.kind === 'broken') {
          broken = true;
          return out;
        }
      }
      if (why !== undefined) {
        broken = true;
        out.push({ kind: 'broken', reason: why });
      }
      return out;
    },
    fromTarget(bytes) {
      const { packets, broken: why } = fromTargetStream.take(bytes);
      const ended: SftpEnd[] = [];
      const out: Buffer[] = [];
      for (const packet of packets) {
        const before =
          packet[4] === 2 ? undefined : state.pending.get(packet.length >= 9 ? packet.readUInt32BE(5) : -1);
        const answer = takeAnswer(state, packet);
        if (typeof answer === 'string') return { bytes: out, ended, broken: answer };
        if (before?.kind === 'operation' && before.opens) opening -= 1;
        ended.push(...answer);
        out.push(withinLimit(before, packet, options.readLimit));
      }
      return { bytes: out, ended, ...(why === undefined ? {} : { broken: why }) };
    },
    close() {
      const ends: SftpEnd[] = [...state.handles.values()].map((handle) => endOf(handle, 'cut_off'));
      for (const pending of state.pending.values())
        if (pending.kind === 'operation') ends.push(plainEnd(pending.operation, 'lost', null, null));
      state.handles.clear();
      state.pending.clear();
      return ends;
    },
  };
};
