/**
 * Writes documents as entries of a bulk request, field by field as they come. Most documents have fields of known types alone, each
 * once: those are looked at and written in one go, with no object in between. All others take the long way, which gives the same JSON
 * or says why there can be none.
 */
import { FIELD_TYPES, type FieldType } from '../../../schemas/ecs/field-types.ts';
import { BOUNDS, whyRejected } from '../bounds.ts';
import { documentOf } from '../document-fields.ts';
import type { FieldValue, WriteItem } from '../search-index.ts';
import type { BulkLines } from './bulk-lines.ts';
import { DOCUMENT_ID, fits, toSource } from './document-form.ts';

interface Known {
  readonly type: FieldType;
  /** Comma, name and colon. */
  readonly name: string;
  readonly number: number;
}

const KNOWN = new Map<string, Known>(
  Object.entries(FIELD_TYPES).map(([field, type], number) => [
    field,
    { type, name: `,${JSON.stringify(field)}:`, number },
  ]),
);
const OPENING = '{'.charCodeAt(0);
const TURNS_MAX = 0xffff_ffff;
/** Strings with other characters need escapes, or a look at their surrogates. */
const NOT_PLAIN = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

function jsonOfText(text: string): string | undefined {
  if (!NOT_PLAIN.test(text)) return `"${text}"`;
  return text.isWellFormed() ? JSON.stringify(text) : undefined;
}

function jsonOfList(list: readonly unknown[]): string | undefined {
  let json = '';
  for (const entry of list) {
    const text = jsonOfText(entry as string);
    if (text === undefined) return undefined;
    json += json === '' ? text : `,${text}`;
  }
  return `[${json}]`;
}

/** The JSON of a value that the field takes as it is; undefined where it does not. */
function jsonOf(type: FieldType, value: FieldValue): string | undefined {
  if (!fits(type, value)) return undefined;
  switch (typeof value) {
    case 'string':
      return jsonOfText(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : undefined;
    case 'boolean':
      return `${value}`;
    default:
      return value === null ? 'null' : jsonOfList(value);
  }
}

/** What is known of the document that is being written. */
class Line {
  /** The turn in which each field came last. */
  readonly #seen = new Uint32Array(KNOWN.size);
  #turn = 0;
  text = '';
  /** False when there is something in it that takes the long way. */
  simple = true;
  time: FieldValue | undefined;
  eventId: FieldValue | undefined;

  begin(head: string): void {
    if (this.#turn === TURNS_MAX) {
      this.#seen.fill(0);
      this.#turn = 0;
    }
    this.#turn += 1;
    this.text = head;
    this.simple = true;
    this.time = undefined;
    this.eventId = undefined;
  }

  readonly put = (field: string, value: FieldValue): void => {
    if (!this.simple) return;
    const known = KNOWN.get(field);
    const again = known !== undefined && this.#seen[known.number] === this.#turn;
    const json = known === undefined || again ? undefined : jsonOf(known.type, value);
    if (known === undefined || json === undefined) {
      this.simple = false;
      return;
    }
    this.#seen[known.number] = this.#turn;
    this.text += known.name;
    this.text += json;
    if (field === '@timestamp') this.time = value;
    else if (field === 'event.id') this.eventId = value;
  };
}

/** Adds the action and the document to `lines`, and returns its time; or why it can never be written, and adds nothing. */
export type SourceWriter = (
  lines: BulkLines,
  action: string,
  item: WriteItem,
) => { readonly time: number } | { readonly rejected: string };

export function createSourceWriter(): SourceWriter {
  const line = new Line();

  /** The document's time; undefined where it has to go the long way. */
  const writeSimple = (lines: BulkLines, head: string, { id, document }: WriteItem): number | undefined => {
    const idBytes = Buffer.byteLength(id);
    if (idBytes === 0 || idBytes > BOUNDS.idBytesMax) return undefined;
    line.begin(head);
    if (typeof document === 'function') document(line.put);
    else for (const field of Object.keys(document)) line.put(field, document[field]!);
    if (!line.simple || typeof line.time !== 'number') return undefined;
    const named = line.eventId === id ? '' : `,"${DOCUMENT_ID}":${JSON.stringify(id)}`;
    lines.add(`${line.text}${named}}\n`);
    const headBytes = Buffer.byteLength(head);
    // Every field has brought a comma: in the place of the first one goes the brace.
    lines.setInLast(headBytes, OPENING);
    if (lines.bytesOf(lines.count - 1, lines.count) - headBytes <= BOUNDS.documentBytesMax) return line.time;
    lines.undo();
    return undefined;
  };

  return (lines, action, item) => {
    const head = `${action}\n`;
    const time = writeSimple(lines, head, item);
    line.text = '';
    if (time !== undefined) return { time };
    const document = documentOf(item.document);
    const json = JSON.stringify(document);
    const rejected = whyRejected(item.id, document, json);
    if (rejected !== undefined) return { rejected };
    lines.add(`${head}${toSource(item.id, document, json)}\n`);
    return { time: document['@timestamp'] };
  };
}
