/** Checks an export of the audit trail offline: needs the file and the gateway's public key, nothing else. */
import { createHash, createPublicKey } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createAuditVerifier, type AuditProblem } from '../gateway/recording/verify.ts';
import type { AuditExportHead, AuditExportLine, AuditKey } from '../schemas/api/audit.ts';
import { createCodec, type Codec } from '../schemas/codec.ts';
import type { SessionEvent } from '../schemas/types.ts';
import { mainError } from './errors.ts';

export interface AuditCheck {
  readonly ok: boolean;
  readonly gateway: string;
  /** SHA-256 over the public key's SubjectPublicKeyInfo, hex: compare it with the one that was noted before. */
  readonly keyFingerprint: string;
  /** Where the key came from. A key out of the export itself proves nothing. */
  readonly keyFrom: 'file' | 'export';
  readonly events: number;
  readonly checkpoints: number;
  /** Events of other gateways and imports: they are not signed for by this one. */
  readonly others: number;
  /** Events that the log holds twice, byte for byte. */
  readonly repeated: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly problems: readonly AuditProblem[];
  /** What is no problem and should be known. */
  readonly notes: readonly string[];
}

export interface AuditCheckOptions {
  /** Whose chain is checked; absent: that of the gateway which made the export. */
  readonly gateway?: string;
  /** PEM of the key that was taken from the gateway before; absent: the one in the export is used. */
  readonly publicKeyPem?: string;
  /** The trail is said to reach to here, milliseconds since the epoch; absent: to the time of the export. */
  readonly until?: number;
  /** Retention has dropped the beginning. */
  readonly startsInside?: boolean;
}

/** Stands for events that no gateway has made; no gateway can be called so. */
const IMPORTED = '';

interface Held {
  readonly epoch: number;
  readonly sequence: number;
  readonly time: number;
  readonly framed: Buffer;
}

export const fingerprintOf = (publicKeyPem: string): string =>
  createHash('sha256')
    .update(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }))
    .digest('hex');

function readHead(file: string, line: string | undefined): AuditExportHead {
  let head: Partial<AuditExportHead> | undefined;
  try {
    head = JSON.parse(line ?? '') as Partial<AuditExportHead>;
  } catch {
    // Said below.
  }
  if (head?.kind !== 'countersign-audit-export' || typeof head.gateway !== 'string')
    throw mainError('AUDIT_EXPORT_INVALID', { file, reason: 'its first line is not that of an export' });
  return head as AuditExportHead;
}

/** The key of a gateway that the export brings along; the newest, where there are several. */
function keyOf(file: string, head: AuditExportHead, gateway: string | undefined): AuditKey {
  if (gateway === undefined || gateway === head.gateway) return head;
  // Exports of earlier versions name one key.
  const found = ((head.keys as readonly AuditKey[] | undefined) ?? []).findLast(
    (key) => key.gateway === gateway,
  );
  if (found === undefined)
    throw mainError('AUDIT_EXPORT_INVALID', { file, reason: `it brings no key of the gateway ${gateway}` });
  return found;
}

/**
 * Reads the whole file into memory (the events must be put in order). The schemas are those of this version and of all before it, never
 * those that an export brings along. Throws AUDIT_EXPORT_INVALID.
 */
export async function checkAuditExport(
  file: string,
  options: AuditCheckOptions,
  codec: Codec<SessionEvent> = createCodec('session-event'),
): Promise<AuditCheck> {
  const held: Held[] = [];
  const seen = new Set<string>();
  let head: AuditExportHead | undefined;
  let number = 0;
  const others = new Map<string, number>();
  let repeated = 0;
  const unreadable: AuditProblem[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1;
    if (head === undefined) {
      head = readHead(file, line);
      continue;
    }
    if (line === '') continue;
    let framed: Buffer;
    try {
      framed = Buffer.from((JSON.parse(line) as AuditExportLine).event, 'base64');
    } catch {
      throw mainError('AUDIT_EXPORT_INVALID', { file, reason: `line ${number} is no event` });
    }
    const read = codec.decode(framed);
    if (!read.ok) {
      unreadable.push({ kind: 'unreadable', eventId: null, detail: `line ${number}: ${read.reason}` });
      continue;
    }
    const { gateway, origin, time } = read.value;
    if (gateway.id !== (options.gateway ?? head.gateway) || origin === 'import' || origin === 'external') {
      const of = origin === 'import' || origin === 'external' ? IMPORTED : gateway.id;
      others.set(of, (others.get(of) ?? 0) + 1);
      continue;
    }
    const digest = createHash('sha256').update(framed).digest('base64');
    if (seen.has(digest)) repeated += 1;
    else held.push({ epoch: gateway.epoch, sequence: gateway.sequence, time, framed });
    seen.add(digest);
  }
  if (head === undefined) throw mainError('AUDIT_EXPORT_INVALID', { file, reason: 'it is empty' });
  held.sort((one, other) => one.epoch - other.epoch || one.sequence - other.sequence);
  const key = keyOf(file, head, options.gateway);
  const publicKeyPem = options.publicKeyPem ?? key.publicKey;
  const keyFingerprint = fingerprintOf(publicKeyPem);
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [keyFingerprint.slice(0, 16)]: publicKeyPem },
    checkpointMs: key.checkpointMs,
    completeUntil: options.until ?? head.exportedAt,
    ...(options.startsInside === true ? { startsInside: true } : {}),
  });
  for (const { framed } of held) verifier.take(framed);
  const { events, checkpoints, problems: found } = verifier.finish();
  const isNote = ({ kind }: AuditProblem): boolean => kind === 'uncovered';
  const problems = [...unreadable, ...found.filter((problem) => !isNote(problem))];
  if (checkpoints === 0)
    problems.push({ kind: 'signature', eventId: null, detail: 'nothing is signed: there is no checkpoint' });
  const notes = found.filter(isNote).map(({ detail }) => detail);
  if (options.publicKeyPem === undefined)
    notes.push(
      'the key came with the export: compare its fingerprint with one from elsewhere, or name --key',
    );
  const gateways = [...others.keys()].filter((id) => id !== IMPORTED);
  if (gateways.length > 0)
    notes.push(
      `there are events of other gateways, to be checked with --gateway: ${gateways.sort().join(', ')}`,
    );
  const timeOf = (at: number): string | null =>
    held.length === 0 ? null : new Date(held.at(at)!.time).toISOString();
  return {
    ok: problems.length === 0,
    gateway: key.gateway,
    keyFingerprint,
    keyFrom: options.publicKeyPem === undefined ? 'export' : 'file',
    events,
    checkpoints,
    others: [...others.values()].reduce((sum, count) => sum + count, 0),
    repeated,
    first: timeOf(0),
    last: timeOf(-1),
    problems,
    notes,
  };
}
