/**
 * A document of the port as Elasticsearch gets it. Fields of FIELD_TYPES with a fitting value go as they are. What has no type there, or
 * a value of another type, would be refused or bent by the server (the number 42 becomes the word "42"); it goes into
 * `countersign.unmapped`, each value as a term that names its field and type. Our own mappings never need that.
 *
 *   terms   `rule.name=n:c045000000000000`, `free=s:drop`, `free=b:true`: exact, by range, by prefix, to count
 *   scalars `rule.name=c045000000000000`: numbers that are no list, to sum up
 *   text    strings for the full text
 *   source  the fields themselves, not indexed
 */
import { isIP } from 'node:net';
import { FIELD_TYPES, type FieldType } from '../../../schemas/ecs/field-types.ts';
import type { FieldValue, IndexDocument } from '../search-index.ts';
import { isTextField } from '../text-fields.ts';
import { toSortable } from './numbers.ts';

/** Id of a document whose `event.id` is another: together they order all documents of one time. */
export const DOCUMENT_ID = 'countersign.document_id';
/** Words of all texts of a document. */
export const ALL_TEXT = 'countersign.text';
export const UNMAPPED = 'countersign.unmapped';
export const TERMS = `${UNMAPPED}.terms`;
export const SCALARS = `${UNMAPPED}.scalars`;

const TYPES = new Map(Object.entries(FIELD_TYPES));
export const typeOf = (field: string): FieldType | undefined => TYPES.get(field);

const isAddress = (value: unknown): boolean =>
  typeof value === 'string' && isIP(value) > 0 && !value.includes('%');

const FITS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  keyword: (value) => typeof value === 'string',
  text: (value) => typeof value === 'string',
  wildcard: (value) => typeof value === 'string',
  stored: (value) => typeof value === 'string',
  ip: isAddress,
  long: Number.isSafeInteger,
  date: Number.isSafeInteger,
  float: (value) => typeof value === 'number' && Math.abs(value) < 3.4e38,
  double: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
};
/** A list of numbers would be summed up by the server, and the port sums single ones. */
const LISTS: ReadonlySet<FieldType> = new Set(['keyword', 'text', 'wildcard', 'stored', 'ip']);

export function fits(type: FieldType, value: FieldValue): boolean {
  if (value === null) return true;
  return Array.isArray(value) ? LISTS.has(type) && value.every(FITS[type]) : FITS[type](value);
}

interface Unmapped {
  readonly terms: string[];
  readonly scalars: string[];
  readonly text: string[];
  readonly source: Record<string, FieldValue>;
}

function addUnmapped(unmapped: Unmapped, field: string, value: FieldValue): void {
  unmapped.source[field] = value;
  if (typeof value === 'number') unmapped.scalars.push(`${field}=${toSortable(value)}`);
  for (const entry of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
    if (typeof entry === 'string') {
      unmapped.terms.push(`${field}=s:${entry}`);
      if (isTextField(field)) unmapped.text.push(entry);
    } else if (typeof entry === 'number') unmapped.terms.push(`${field}=n:${toSortable(entry)}`);
    else if (typeof entry === 'boolean') unmapped.terms.push(`${field}=b:${entry}`);
  }
}

/** The JSON that is sent. `json` is the document's own, which is taken as it is where nothing has to change. */
export function toSource(id: string, document: IndexDocument, json: string): string {
  let unmapped: Unmapped | undefined;
  for (const field of Object.keys(document)) {
    const type = TYPES.get(field);
    if (type !== undefined && fits(type, document[field]!)) continue;
    unmapped ??= { terms: [], scalars: [], text: [], source: {} };
    addUnmapped(unmapped, field, document[field]!);
  }
  const named = document['event.id'] === id;
  if (unmapped === undefined)
    return named ? json : `${json.slice(0, -1)},${JSON.stringify(DOCUMENT_ID)}:${JSON.stringify(id)}}`;
  const { source } = unmapped;
  const known = Object.entries(document).filter(([field]) => !(field in source));
  return JSON.stringify({
    ...Object.fromEntries(known),
    ...(named ? {} : { [DOCUMENT_ID]: id }),
    ...Object.fromEntries(Object.entries(unmapped).map(([part, value]) => [`${UNMAPPED}.${part}`, value])),
  });
}

/** The document as it was given. */
export function fromSource(source: IndexDocument): IndexDocument {
  const own = source[`${UNMAPPED}.source`] as Readonly<Record<string, FieldValue>> | undefined;
  if (own === undefined && !(DOCUMENT_ID in source)) return source;
  const kept = Object.entries(source).filter(
    ([field]) => field !== DOCUMENT_ID && !field.startsWith(`${UNMAPPED}.`),
  );
  return { ...Object.fromEntries(kept), ...own } as IndexDocument;
}
