/** Whether a document can have a field: a typo in a filter must be an error, not silence. */
import { FIELD_TYPES } from '../../schemas/ecs/field-types.ts';

export const isDocumentField = (field: string): boolean => FIELD_TYPES[field] !== undefined;
