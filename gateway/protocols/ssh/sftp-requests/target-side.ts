/** Answers of the target: what operations came to. */
import type { SftpEnd, SftpOptions } from '../analysis.ts';
import { addContent, endOf, openedHandle, plainEnd, type OpenHandle, type Pending } from './open-handles.ts';
import { createFieldReader, STATUS, statusName, statusPacket, TYPE } from './packet.ts';

export interface ChannelState {
  readonly pending: Map<number, Pending>;
  readonly handles: Map<string, OpenHandle>;
  /** The login folder, once a client has asked for it. */
  home: string | null;
  /** Content bytes that went by, and those that were asked for. */
  used: number;
  asked: number;
  version: number | null;
}

const MESSAGE_MAX = 256;

/** Takes one whole packet of the target; what ended by it. A string says why it is not SFTP. */
export function takeAnswer(state: ChannelState, packet: Buffer): readonly SftpEnd[] | string {
  const type = packet[4]!;
  const fields = createFieldReader(packet, 5);
  if (type === TYPE.version) {
    const version = fields.uint32();
    if (fields.failed || version > 3 || state.version !== null) return `the target speaks version ${version}`;
    state.version = version;
    return [];
  }
  const id = fields.uint32();
  if (fields.failed) return 'an answer without an id';
  const pending = state.pending.get(id);
  if (pending === undefined) return [];
  state.pending.delete(id);
  const status = type === TYPE.status ? readStatus(packet) : null;
  switch (pending.kind) {
    case 'operation':
      return answerOperation(state, pending, type, packet, status);
    case 'read':
      state.asked -= pending.asked;
      if (type === TYPE.data) {
        const data = fields.string();
        if (fields.failed) return 'data without its end';
        state.used += data.length;
        addContent(pending.handle, data);
      } else noteError(pending.handle, status);
      return [];
    case 'list':
      if (type === TYPE.name) pending.handle.rows += fields.uint32();
      else noteError(pending.handle, status);
      return [];
    case 'write':
      noteError(pending.handle, status);
      return [];
    case 'close': {
      if (state.handles.get(pending.key) === pending.handle) state.handles.delete(pending.key);
      noteError(pending.handle, status);
      return [endOf(pending.handle, 'ok')];
    }
    case 'home': {
      if (type !== TYPE.name || fields.uint32() !== 1) return [];
      const home = fields.string().toString('utf8');
      if (home.startsWith('/') && !home.includes('\ufffd') && !home.includes('\0')) state.home ??= home;
      return [];
    }
    default:
      return [];
  }
}

interface Status {
  readonly code: number;
  readonly message: string;
}

function readStatus(packet: Buffer): Status {
  const fields = createFieldReader(packet, 9);
  return { code: fields.uint32(), message: fields.string().toString('utf8').slice(0, MESSAGE_MAX) };
}

function noteError(handle: OpenHandle, status: Status | null): void {
  if (status === null || status.code === STATUS.ok || status.code === STATUS.eof) return;
  handle.error ??= { code: statusName(status.code), message: status.message };
}

function answerOperation(
  state: ChannelState,
  pending: Extract<Pending, { kind: 'operation' }>,
  type: number,
  packet: Buffer,
  status: Status | null,
): readonly SftpEnd[] {
  const { operation, path, name } = pending;
  if (pending.opens && type === TYPE.handle) {
    const key = createFieldReader(packet, 9).string().toString('latin1');
    const before = state.handles.get(key);
    state.handles.set(key, openedHandle(operation, path, name));
    // A handle that was given out twice: the first is lost to the client.
    return before === undefined ? [] : [endOf(before, 'cut_off')];
  }
  if (status !== null && status.code !== STATUS.ok)
    return [plainEnd(operation, 'error', statusName(status.code), status.message)];
  return [plainEnd(operation, 'ok', null, null)];
}

/** The packet, or what the client gets in place of content that policy does not let it have. */
export function withinLimit(
  before: Pending | undefined,
  packet: Buffer,
  readLimit: SftpOptions['readLimit'],
): Buffer {
  if (before?.kind !== 'read') return packet;
  const message = readLimit?.(before.handle.operation, before.handle.bytes);
  if (message === undefined) return packet;
  before.handle.error ??= { code: 'SSH_CUT_OFF', message };
  return statusPacket(packet.readUInt32BE(5), STATUS.permissionDenied, message);
}
