/**
 * A cursor names the last hit by its time and id, so that documents that come or go elsewhere move nothing. Base64url of five lines:
 * index, order, time, which field orders documents of one time (`d` our own, `e` event.id), id.
 */
import { invalid } from '../bounds.ts';

type Sort = readonly [time: string | number, documentId: string | null, eventId: string | null];

export function writeCursor(index: string, order: string, [time, documentId, eventId]: Sort): string {
  const id = documentId === null ? ['e', eventId ?? ''] : ['d', documentId];
  return Buffer.from([index, order, time, ...id].join('\n')).toString('base64url');
}

/** `search_after` for the next page. Throws SEARCH_QUERY_INVALID for what is no cursor of this index and order. */
export function readCursor(text: string, index: string, order: string): Sort {
  const [cursorIndex, cursorOrder, time, kind, ...id] = Buffer.from(text, 'base64url').toString().split('\n');
  if (
    cursorIndex !== index ||
    cursorOrder !== order ||
    !/^-?\d{1,16}$/.test(time ?? '') ||
    !/^[de]$/.test(kind ?? '')
  )
    throw invalid('after is no cursor of this query');
  const last = id.join('\n');
  // With an id of our own the event's does not matter any more; null stands behind all.
  return kind === 'd' ? [Number(time), last, null] : [Number(time), null, last];
}
