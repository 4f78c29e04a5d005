/** Takes fields out of a record by JSON pointers (RFC 6901), and names those it took, as OPA does in its field `erased`. */

const partsOf = (pointer: string): readonly string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Changes the record itself. */
export function erase(record: Record<string, unknown>, pointers: readonly string[]): object {
  const erased = pointers.filter((pointer) => take(record, partsOf(pointer)));
  if (erased.includes('/input/client/ip') || erased.includes('/input/client') || erased.includes('/input'))
    delete record['requested_by'];
  return erased.length === 0 ? record : { ...record, erased };
}

function take(record: Record<string, unknown>, parts: readonly string[]): boolean {
  let place: unknown = record;
  for (const part of parts.slice(0, -1)) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, part)) return false;
    place = (place as Record<string, unknown>)[part];
  }
  const last = parts.at(-1);
  if (last === undefined || typeof place !== 'object' || place === null || !Object.hasOwn(place, last))
    return false;
  return delete (place as Record<string, unknown>)[last];
}
