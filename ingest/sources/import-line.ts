/** One line of an import as a session event: what only a gateway can know is filled in. */
import { datedId } from '../../platform/digest/dated-id.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';

const ZEROS = Buffer.alloc(32).toString('base64');

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
    // Importing the same file again makes the same ids, so that nothing is there twice.
    eventId: datedId(given['time'] as number, `${lineNumber}\n${text}`),
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
