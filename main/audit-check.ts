/** Checks an export of the audit trail offline: needs the file and the gateway's public key, nothing else. */
import { createHash, createPublicKey } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createAuditVerifier, type AuditProblem } from '../gateway/recording/verify.ts';
import type { AuditExportHead, AuditExportLine } from '../schemas/api/audit.ts';
import { createCodec } from '../schemas/codec.ts';
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
  /** PEM of the key that was taken from the gateway before; absent: the one in the export is used. */
  readonly publicKeyPem?: string;
  /** The trail is said to reach to here, milliseconds since the epoch; absent: to the time of the export. */
  readonly until?: number;
  /** Retention has dropped the beginning. */
  readonly startsInside?: boolean;
}

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

/** Reads the whole file into memory (the events must be put in order). Throws AUDIT_EXPORT_INVALID. */
export async function checkAuditExport(file: string, options: AuditCheckOptions): Promise<AuditCheck> {
  const codec = createCodec('session-event');
  const held: Held[] = [];
  const seen = new Set<string>();
  let head: AuditExportHead | undefined;
  let number = 0;
  let others = 0;
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
    if (gateway.id !== head.gateway || origin === 'import' || origin === 'external') {
      others += 1;
      continue;
    }
    const digest = createHash('sha256').update(framed).digest('base64');
    if (seen.has(digest)) repeated += 1;
    else held.push({ epoch: gateway.epoch, sequence: gateway.sequence, time, framed });
    seen.add(digest);
  }
  if (head === undefined) throw mainError('AUDIT_EXPORT_INVALID', { file, reason: 'it is empty' });
  held.sort((one, other) => one.epoch - other.epoch || one.sequence - other.sequence);
  const publicKeyPem = options.publicKeyPem ?? head.publicKey;
  const keyFingerprint = fingerprintOf(publicKeyPem);
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [keyFingerprint.slice(0, 16)]: publicKeyPem },
    checkpointMs: head.checkpointMs,
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
  const timeOf = (at: number): string | null =>
    held.length === 0 ? null : new Date(held.at(at)!.time).toISOString();
  return {
    ok: problems.length === 0,
    gateway: head.gateway,
    keyFingerprint,
    keyFrom: options.publicKeyPem === undefined ? 'export' : 'file',
    events,
    checkpoints,
    others,
    repeated,
    first: timeOf(0),
    last: timeOf(-1),
    problems,
    notes,
  };
}
