/** The body of a request event; long texts are cut. */
import { createHash } from 'node:crypto';
import type { Action, DecisionRef, Request } from '../../schemas/types.ts';
import type { RequestInput } from './session.ts';

const TEXT_BYTES_MAX = 64 * 1024;
const OBJECTS_MAX = 1000;
const REASON_CHARS_MAX = 2000;

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The longest start of `bytes` within the bound that does not split a character. */
function cut(bytes: Buffer): Buffer {
  let end = TEXT_BYTES_MAX;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

export function requestBody(input: RequestInput, decision: DecisionRef): Request {
  // A third of the bound in characters is within it in bytes, whatever they are.
  const short = input.text.length <= TEXT_BYTES_MAX / 3;
  const bytes = short ? undefined : Buffer.from(input.text);
  const long = bytes !== undefined && bytes.length > TEXT_BYTES_MAX ? bytes : undefined;
  const raw = input.textBytes === undefined ? undefined : asBuffer(input.textBytes);
  const whole = raw ?? long;
  const digest = input.parametersDigest ?? null;
  return {
    kind: 'request',
    verb: input.verb,
    text: long === undefined ? input.text : cut(long).toString(),
    textBytes: raw === undefined ? null : raw.subarray(0, TEXT_BYTES_MAX),
    textLength: whole?.length ?? Buffer.byteLength(input.text),
    textDigest:
      whole !== undefined && whole.length > TEXT_BYTES_MAX
        ? createHash('sha256').update(whole).digest()
        : null,
    fingerprint: input.fingerprint,
    // As it came, where it may: what is the same object is encoded once.
    actions:
      input.actions.length <= OBJECTS_MAX ? (input.actions as Action[]) : input.actions.slice(0, OBJECTS_MAX),
    risk: input.risk,
    parameterCount: input.parameterCount ?? 0,
    parametersDigest: digest === null ? null : asBuffer(digest),
    decision:
      decision.reason.length <= REASON_CHARS_MAX
        ? decision
        : { ...decision, reason: decision.reason.slice(0, REASON_CHARS_MAX) },
  };
}
