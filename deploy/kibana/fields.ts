/** Fields that panels may use, checked against the mapping when the objects are made. */
import { FIELD_TYPES, type FieldType } from '../../schemas/ecs/field-types.ts';

/** Types that Elasticsearch can group, sort and count by. */
const AGGREGATABLE = new Set<FieldType>(['keyword', 'long', 'float', 'double', 'boolean', 'date', 'ip']);
const NUMERIC = new Set<FieldType>(['long', 'float', 'double']);

/** Type of a field; throws where no document has it. */
export function fieldType(field: string): FieldType {
  const type = FIELD_TYPES[field];
  if (type === undefined) throw new Error(`no document has a field ${field}`);
  return type;
}

/** The field, if it can be grouped by. */
export function groupable(field: string): string {
  if (!AGGREGATABLE.has(fieldType(field))) throw new Error(`${field} cannot be grouped by`);
  return field;
}

/** The field, if sums and percentiles of it can be taken. */
export function numeric(field: string): string {
  if (!NUMERIC.has(fieldType(field))) throw new Error(`${field} is no number`);
  return field;
}

/** Type that Lens gives a column of the field. */
export function lensType(field: string): 'string' | 'number' | 'date' | 'boolean' | 'ip' {
  const type = fieldType(field);
  if (NUMERIC.has(type)) return 'number';
  return type === 'date' || type === 'boolean' || type === 'ip' ? type : 'string';
}
