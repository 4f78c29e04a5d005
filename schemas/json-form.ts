/**
 * The JSON form of our records: as the TypeScript types in types.ts, with bytes and fixed as base64 strings.
 * (Avro's own JSON encoding names union branches and writes bytes as code points; nobody wants to type that.)
 */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

type Schema = string | Schema[] | SchemaObject;
interface SchemaObject {
  type: Schema;
  name?: string;
  size?: number;
  symbols?: string[];
  items?: Schema;
  values?: Schema;
  fields?: { name: string; type: Schema; default?: unknown }[];
}

/** Returns the JSON form of a record. */
export function toJson(value: unknown): JsonValue {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (Array.isArray(value)) return value.map(toJson);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, toJson(entry)]));
  }
  return value as JsonValue;
}

class Mismatch extends Error {}

/** Reads a JSON form by its Avro schema; absent fields take the schema's defaults. The reason of a failure names the field. */
export function fromJson(
  schema: unknown,
  json: unknown,
): { ok: true; value: unknown } | { ok: false; reason: string } {
  const named = new Map<string, SchemaObject>();

  const mismatch = (path: string, wanted: string, got: unknown): never => {
    const shown = JSON.stringify(got) ?? 'nothing';
    throw new Mismatch(`${path || 'record'}: expected ${wanted}, got ${shown.slice(0, 80)}`);
  };

  const readBytes = (value: unknown, path: string, size?: number): Buffer => {
    if (typeof value !== 'string') return mismatch(path, 'base64', value);
    const bytes = Buffer.from(value, 'base64');
    if (bytes.toString('base64').replace(/=+$/, '') !== value.replace(/=+$/, ''))
      mismatch(path, 'base64', value);
    if (size !== undefined && bytes.length !== size) mismatch(path, `${size} bytes in base64`, value);
    return bytes;
  };

  const register = (type: Schema): void => {
    if (Array.isArray(type)) type.forEach(register);
    else if (typeof type === 'object') {
      if (type.name !== undefined) named.set(type.name, type);
      for (const field of type.fields ?? []) register(field.type);
      if (type.items !== undefined) register(type.items);
      if (type.values !== undefined) register(type.values);
      if (typeof type.type === 'object') register(type.type);
    }
  };

  const readUnion = (branches: Schema[], value: unknown, path: string): unknown => {
    if (value === null && branches.includes('null')) return null;
    const candidates = branches.filter((branch) => branch !== 'null');
    if (candidates.length === 1) return read(candidates[0]!, value, path);
    const kind = (value as { kind?: unknown } | null)?.kind;
    const branch = candidates.find((candidate) => {
      const kindType = (candidate as SchemaObject).fields?.find((field) => field.name === 'kind')?.type;
      return (
        typeof kind === 'string' && (kindType as SchemaObject | undefined)?.symbols?.includes(kind) === true
      );
    });
    return branch === undefined ? mismatch(`${path}.kind`, 'a known kind', kind) : read(branch, value, path);
  };

  const readRecord = (type: SchemaObject, value: unknown, path: string): unknown => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      return mismatch(path, 'an object', value);
    const fields = type.fields!;
    const known = new Set(fields.map((field) => field.name));
    const stranger = Object.keys(value).find((key) => !known.has(key));
    if (stranger !== undefined) throw new Mismatch(`${path ? `${path}.` : ''}${stranger}: no such field`);
    const result: Record<string, unknown> = {};
    for (const field of fields) {
      const at = path ? `${path}.${field.name}` : field.name;
      const given = (value as Record<string, unknown>)[field.name];
      if (given !== undefined) result[field.name] = read(field.type, given, at);
      else if ('default' in field) {
        result[field.name] = field.type === 'bytes' ? Buffer.alloc(0) : structuredClone(field.default);
      } else mismatch(at, 'a value', undefined);
    }
    return result;
  };

  const read = (type: Schema, value: unknown, path: string): unknown => {
    if (Array.isArray(type)) return readUnion(type, value, path);
    if (typeof type === 'string') {
      const reference = named.get(type);
      if (reference !== undefined) return read(reference, value, path);
      return readPrimitive(type, value, path);
    }
    switch (type.type) {
      case 'record':
        return readRecord(type, value, path);
      case 'enum':
        return type.symbols!.includes(value as string)
          ? value
          : mismatch(path, `one of ${type.symbols!.join(', ')}`, value);
      case 'fixed':
        return readBytes(value, path, type.size);
      case 'array':
        if (!Array.isArray(value)) return mismatch(path, 'a list', value);
        return value.map((item, index) => read(type.items!, item, `${path}[${index}]`));
      case 'map':
        if (value === null || typeof value !== 'object' || Array.isArray(value))
          return mismatch(path, 'an object', value);
        return Object.fromEntries(
          Object.entries(value).map(([key, item]) => [key, read(type.values!, item, `${path}.${key}`)]),
        );
      default:
        return read(type.type, value, path);
    }
  };

  const readPrimitive = (type: string, value: unknown, path: string): unknown => {
    switch (type) {
      case 'null':
        return value === null ? null : mismatch(path, 'null', value);
      case 'boolean':
        return typeof value === 'boolean' ? value : mismatch(path, 'true or false', value);
      case 'int':
        return Number.isInteger(value) && Math.abs(value as number) <= 0x7fffffff
          ? value
          : mismatch(path, 'a 32-bit integer', value);
      case 'long':
        return Number.isSafeInteger(value) ? value : mismatch(path, 'an integer', value);
      case 'float':
      case 'double':
        return typeof value === 'number' && Number.isFinite(value)
          ? value
          : mismatch(path, 'a number', value);
      case 'string':
        return typeof value === 'string' ? value : mismatch(path, 'a string', value);
      case 'bytes':
        return readBytes(value, path);
      default:
        throw new Error(`schema names an unknown type ${type}`);
    }
  };

  register(schema as Schema);
  try {
    return { ok: true, value: read({ ...(schema as SchemaObject), type: 'record' }, json, '') };
  } catch (error) {
    if (error instanceof Mismatch) return { ok: false, reason: error.message };
    throw error;
  }
}
