import type { DocumentFields, FieldValue, IndexDocument } from './search-index.ts';

/** The document as an object, however it was given. Of a field that is given twice, the last value counts. */
export function documentOf(document: IndexDocument | DocumentFields): IndexDocument {
  if (typeof document !== 'function') return document;
  const fields: Record<string, FieldValue> = {};
  document((field, value) => void (fields[field] = value));
  // Whether it has a time is looked at where the document is written.
  return fields as Record<string, FieldValue> & { '@timestamp': number };
}
