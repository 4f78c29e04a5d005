/**
 * Writes values in Avro's binary encoding (Avro 1.12 specification, "Binary Encoding"), for the data path: avsc's writers take five
 * times as long for an event, most of it in calls out of JavaScript for strings of a few characters and in encoding again what a session
 * repeats in each of its events. avsc reads, and is the reference that a property test compares every byte with.
 */
import {
  misfit,
  NO_ROOM,
  out,
  PRIMITIVES,
  writeCount,
  writeRaw,
  writeString,
  type Write,
} from './avro-primitives.ts';

interface Field {
  readonly name: string;
  readonly type: Schema;
  readonly default?: unknown;
}
interface NamedSchema {
  readonly type: string;
  readonly name?: string;
  readonly fields?: readonly Field[];
  readonly symbols?: readonly string[];
  readonly items?: Schema;
  readonly values?: Schema;
  readonly size?: number;
}
type Schema = string | NamedSchema | readonly Schema[];

/** Objects are frozen when their bytes are kept: nobody may change what has been written. */
function freezeAll(value: object): void {
  Object.freeze(value);
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)) freezeAll(inner as object);
}

/** Writes an object that comes again and again from the bytes that it came to the first time. */
function keeping(write: Write): Write {
  const kept = new WeakMap<object, Buffer>();
  return (value) => {
    if (typeof value !== 'object' || value === null) {
      write(value);
      return;
    }
    const bytes = kept.get(value);
    if (bytes !== undefined) {
      writeRaw(bytes);
      return;
    }
    const start = out.at;
    write(value);
    freezeAll(value);
    kept.set(value, Buffer.from(out.buffer.subarray(start, out.at)));
  };
}

const kindOf = (schema: NamedSchema): string | undefined => {
  const type = schema.fields?.find(({ name }) => name === 'kind')?.type;
  return typeof type === 'object' && 'symbols' in type ? type.symbols?.[0] : undefined;
};

class Compiler {
  readonly #named = new Map<string, Write>();
  readonly #schemas = new Map<string, NamedSchema>();
  readonly #kept: ReadonlySet<string>;

  constructor(kept: ReadonlySet<string>) {
    this.#kept = kept;
  }

  compile(schema: Schema): Write {
    if (typeof schema === 'string') {
      const write = PRIMITIVES[schema] ?? this.#named.get(schema.replace(/^.*\./, ''));
      if (write === undefined) throw new TypeError(`unknown Avro type ${schema}`);
      return write;
    }
    if (Array.isArray(schema)) return this.#union(schema as readonly Schema[]);
    const named = schema as NamedSchema;
    const write = this.#complex(named);
    if (named.name !== undefined) {
      this.#named.set(named.name, write);
      this.#schemas.set(named.name, named);
    }
    return write;
  }

  #complex(schema: NamedSchema): Write {
    switch (schema.type) {
      case 'record':
        return this.#record(schema.name!, schema.fields!);
      case 'enum':
        return enumeration(schema.symbols!);
      case 'fixed':
        return (value) => {
          if (!(value instanceof Uint8Array) || value.byteLength !== schema.size)
            throw misfit(`fixed of ${schema.size} bytes`, value);
          writeRaw(value);
        };
      case 'array':
        return list(this.compile(schema.items!));
      case 'map':
        return map(this.compile(schema.values!));
      default:
        // A primitive with a logical type: its binary form is the primitive's.
        return this.compile(schema.type);
    }
  }

  #record(name: string, fields: readonly Field[]): Write {
    const names = fields.map((field) => field.name);
    const writers = fields.map((field) => {
      const write = this.compile(field.type);
      return this.#kept.has(`${name}.${field.name}`) ? keeping(write) : write;
    });
    const count = fields.length;
    return (value) => {
      if (typeof value !== 'object' || value === null) throw misfit(name, value);
      const record = value as Readonly<Record<string, unknown>>;
      for (let index = 0; index < count; index += 1) {
        const given = record[names[index]!];
        writers[index]!(given === undefined ? fields[index]!.default : given);
      }
    };
  }

  /** Unions are of null and one type, or of records that differ in `kind`. */
  #union(branches: readonly Schema[]): Write {
    const nullIndex = branches.indexOf('null');
    const others = branches
      .map((schema, index) => ({ schema, index }))
      .filter(({ index }) => index !== nullIndex);
    const writers = branches.map((branch) => this.compile(branch));
    if (others.length === 1) {
      const { index } = others[0]!;
      return (value) => {
        const branch = value === null ? nullIndex : index;
        writeCount(branch);
        writers[branch]!(value);
      };
    }
    const byKind = new Map(
      others.map(({ schema, index }) => {
        const record = typeof schema === 'string' ? this.#schemas.get(schema) : (schema as NamedSchema);
        const kind = record === undefined ? undefined : kindOf(record);
        if (kind === undefined) throw new TypeError('a union whose branches cannot be told apart');
        return [kind, index];
      }),
    );
    return (value) => {
      const kind = (value as { kind?: string } | null | undefined)?.kind;
      const branch = value === null ? nullIndex : byKind.get(kind!);
      if (branch === undefined || branch < 0) throw misfit(`union: unknown kind ${String(kind)}`, value);
      writeCount(branch);
      writers[branch]!(value);
    };
  }
}

function enumeration(symbols: readonly string[]): Write {
  const indexes = new Map(symbols.map((symbol, index) => [symbol, index]));
  return (value) => {
    const index = indexes.get(value as string);
    if (index === undefined) throw misfit('symbol', value);
    writeCount(index);
  };
}

function list(write: Write): Write {
  return (value) => {
    if (!Array.isArray(value)) throw misfit('array', value);
    if (value.length > 0) {
      writeCount(value.length);
      for (const item of value) write(item);
    }
    writeCount(0);
  };
}

function map(write: Write): Write {
  return (value) => {
    if (typeof value !== 'object' || value === null) throw misfit('map', value);
    const entries = Object.entries(value);
    if (entries.length > 0) {
      writeCount(entries.length);
      for (const [key, item] of entries) {
        writeString(key);
        write(item);
      }
    }
    writeCount(0);
  };
}

/** Writes `value` at `at` and returns where it ends, or -1 where there is no room. Throws TypeError on a value that does not fit. */
export type AvroWriter = (value: unknown, buffer: Buffer, at: number) => number;

/** `kept`: fields (RECORD.FIELD) whose objects come again in many values; they are frozen, and encoded once each. */
export function createAvroWriter(schemaJson: string, kept: readonly string[] = []): AvroWriter {
  const write = new Compiler(new Set(kept)).compile(JSON.parse(schemaJson) as Schema);
  return (value, buffer, at) => {
    out.buffer = buffer;
    out.at = at;
    try {
      write(value);
      return out.at;
    } catch (error) {
      if (error === NO_ROOM) return -1;
      throw error;
    }
  };
}
