/** One line of an import as a session event: what only a gateway can know is filled in. */
import { createHash } from 'node:crypto';
import type { Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';

const ZEROS = Buffer.alloc(32).toString('base64');

/**
 * UUIDv7-shaped id from an event's time, its line and its text: importing the same file again makes the same ids, so
 * that nothing is there twice.
 */
function importedEventId(timeMs: number, lineNumber: number, text: string): string {
  const raw = createHash('sha256').update(`${lineNumber}\n${text}`).digest().subarray(0, 16);
  raw.writeUIntBE(Math.min(Math.max(0, timeMs), 2 ** 48 - 1), 0, 6);
  raw[6] = 0x70 | (raw[6]! & 0x0f);
  raw[8] = 0x80 | (raw[8]! & 0x3f);
  const hex = raw.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Attributes by which a gateway marks what an exercise does now: in a file they would make old events act. */
function withoutExerciseMarks(event: SessionEvent): SessionEvent {
  const { identity } = event;
  if (identity === null || !Object.keys(identity.attributes).some((name) => name.startsWith('exercise_')))
    return event;
  const attributes = Object.fromEntries(
    Object.entries(identity.attributes).filter(([name]) => !name.startsWith('exercise_')),
  );
  return { ...event, identity: { ...identity, attributes } };
}

export type ParsedLine =
  | { readonly ok: true; readonly event: SessionEvent }
  | { readonly ok: false; readonly reason: string };

/** `exerciseId`: the line belongs to the history of an exercise, whose name space it stays in. */
export function parseImportLine(
  codec: Codec<SessionEvent>,
  text: string,
  lineNumber: number,
  exerciseId: string | null = null,
): ParsedLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, reason: `no JSON (${(error as Error).message})` };
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json))
    return { ok: false, reason: 'no JSON object' };
  const given = json as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(given['time']))
    return { ok: false, reason: 'time: expected milliseconds since the epoch' };
  const filled = {
    eventId: importedEventId(given['time'] as number, lineNumber, text),
    gateway: { id: 'import', epoch: 0, sequence: 0 },
    previousHash: ZEROS,
    hash: ZEROS,
    ...given,
    // Only a gateway may say that an event is live: what comes from a file never acts.
    origin: exerciseId !== null ? 'exercise' : given['origin'] === 'external' ? 'external' : 'import',
    exerciseId,
  };
  const read = codec.fromJson(filled);
  if (!read.ok) return { ok: false, reason: read.reason };
  return { ok: true, event: withoutExerciseMarks(read.value) };
}
