/** Makes answers of two sessions comparable, and readable where they differ. Nothing is left out that a client could notice. */
import type { Answer } from './raw-session.ts';

/** First object id of what users make; it differs between two tables that are the same but for when they were made. */
const FIRST_USER_OID = 16_384;

/** RowDescription: number of fields (int16); name, table oid (int32), column (int16), type oid (int32), size (int16), modifier (int32), format (int16). */
function withoutOids(body: Buffer, known: Map<number, number>): Buffer {
  const copy = Buffer.from(body);
  let at = 2;
  for (let field = 0; field < copy.readInt16BE(0); field += 1) {
    at = copy.indexOf(0, at) + 1;
    for (const place of [at, at + 6]) {
      const oid = copy.readUInt32BE(place);
      if (oid < FIRST_USER_OID) continue;
      if (!known.has(oid)) known.set(oid, FIRST_USER_OID + known.size);
      copy.writeUInt32BE(known.get(oid)!, place);
    }
    at += 18;
  }
  return copy;
}

/** NotificationResponse begins with the pid of the backend that notified. */
const withoutPid = (body: Buffer): Buffer => Buffer.concat([Buffer.alloc(4), body.subarray(4)]);

const printable = (body: Buffer): string => {
  const shown = body.length > 2000 ? body.subarray(0, 2000) : body;
  const text = shown
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]/g, (odd) => `\\x${odd.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return shown.length < body.length ? `${text}... ${body.length} bytes` : text;
};

/** One line for each message: its type and its bytes. */
export function lines(answers: readonly Answer[]): string[] {
  const known = new Map<number, number>();
  return answers.map(({ type, body }) => {
    if (type === 'T') return `T ${printable(withoutOids(body, known))}`;
    if (type === 'A') return `A ${printable(withoutPid(body))}`;
    return `${type} ${printable(body)}`;
  });
}
