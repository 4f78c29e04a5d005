/** From a record's ECS document to what leaves. */
import type { DocumentMapping, MappedDocument } from '../../schemas/ecs/documents.ts';
import type { EcsValue } from '../../schemas/ecs/ecs-document.ts';
import { FIELD_TYPES } from '../../schemas/ecs/field-types.ts';
import type { OutgoingDocument } from './sink.ts';

/** Times are milliseconds in the index; ECS has them as ISO 8601 in JSON. */
const isTime = (field: string): boolean => FIELD_TYPES[field] === 'date';

/** ISO 8601 of a time that Date can hold, else as it was: a wrong clock must not stop a record. */
const asTime = (value: unknown): unknown =>
  typeof value === 'number' && Math.abs(value) <= 8.64e15 ? new Date(value).toISOString() : value;

export function toOutgoing(
  mapping: DocumentMapping,
  { id, document, version }: MappedDocument,
): OutgoingDocument {
  const deliveryId = `${mapping.index}/${id}${version === undefined ? '' : `@${version}`}`;
  return {
    deliveryId,
    index: mapping.index,
    fields: { ...document, 'countersign.delivery.id': deliveryId },
  };
}

type Nested = { [name: string]: unknown };

/** Nested ECS JSON: `{"user":{"id":...}}`, with times as ISO 8601. */
export function toNested(fields: Readonly<Record<string, EcsValue>>): Nested {
  const root: Nested = {};
  for (const [field, value] of Object.entries(fields)) {
    const path = field.split('.');
    let at = root;
    for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Nested;
    at[path.at(-1)!] = isTime(field) ? asTime(value) : value;
  }
  return root;
}
