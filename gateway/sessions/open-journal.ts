/**
 * Which sessions are open, beside the spool, so that the next start can close those that a crash left. One JSON line per change;
 * what older spool files alone knew (the heads of the chains) is written before those files may go.
 */
import type { Disk, DiskFile } from '../../platform/disk/disk.ts';
import type { Client, Identity, Target } from '../../schemas/types.ts';

/** What is needed to close a session without its process. */
export interface OpenRecord {
  readonly sessionId: string;
  readonly identity: Identity;
  readonly client: Client;
  readonly target: Target;
  readonly targetSession: string | null;
  readonly exerciseId: string | null;
  readonly openedAt: number;
}

export interface SessionTotals {
  requests: number;
  rows: number;
  bytes: number;
}

export interface SessionHead extends SessionTotals {
  readonly sequence: number;
  /** Hex. */
  readonly hash: string;
}

export interface JournalState {
  readonly epoch: number;
  readonly gatewayHead: { readonly sequence: number; readonly hash: string } | undefined;
  readonly open: readonly { readonly record: OpenRecord; readonly head: SessionHead | undefined }[];
}

export interface OpenJournal {
  /** What the process before left. */
  readonly before: JournalState;
  /** Throws where the disk takes nothing. */
  opened(record: OpenRecord): void;
  closed(sessionId: string): void;
  /** Replaces everything; throws where the disk takes nothing, then the old state holds. */
  rewrite(state: JournalState): void;
}

type Line =
  | { readonly kind: 'state'; readonly epoch: number; readonly head: JournalState['gatewayHead'] }
  | { readonly kind: 'open'; readonly record: OpenRecord; readonly head?: SessionHead | undefined }
  | { readonly kind: 'closed'; readonly sessionId: string };

const READ_BYTES_MAX = 1024 * 1024 * 1024;

function readState(file: DiskFile): JournalState {
  let epoch = 0;
  let gatewayHead: JournalState['gatewayHead'];
  const open = new Map<string, { record: OpenRecord; head: SessionHead | undefined }>();
  const text = file.readSync(0, Math.min(file.size(), READ_BYTES_MAX)).toString();
  for (const part of text.split('\n')) {
    let line: Line;
    try {
      line = JSON.parse(part) as Line;
    } catch {
      // Empty, or the process died in the middle of it: then the session was not opened yet.
      continue;
    }
    if (line.kind === 'state') ({ epoch, head: gatewayHead } = line);
    else if (line.kind === 'open') open.set(line.record.sessionId, { record: line.record, head: line.head });
    else open.delete(line.sessionId);
  }
  return { epoch, gatewayHead, open: [...open.values()] };
}

const encode = (line: Line): Buffer => Buffer.from(`\n${JSON.stringify(line)}\n`);

export function createOpenJournal(disk: Disk, folder: string): OpenJournal {
  const path = `${folder}/open-sessions`;
  disk.makeFolder(folder);
  let file = disk.open(path);
  const before = readState(file);
  return {
    before,
    opened: (record) => file.append(encode({ kind: 'open', record })),
    closed: (sessionId) => file.append(encode({ kind: 'closed', sessionId })),
    rewrite(state) {
      const fresh = disk.open(`${path}.new`);
      fresh.truncate(0);
      fresh.append(
        Buffer.concat([
          encode({ kind: 'state', epoch: state.epoch, head: state.gatewayHead }),
          ...state.open.map(({ record, head }) => encode({ kind: 'open', record, head })),
        ]),
      );
      fresh.flushSync();
      disk.rename(`${path}.new`, path);
      disk.syncFolder(folder);
      file.close();
      file = fresh;
    },
  };
}
