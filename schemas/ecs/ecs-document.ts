/**
 * Builds a flat document with the field names of Elastic Common Schema 9 (www.elastic.co/docs/reference/ecs) and, for what
 * ECS has no name for, our own under `countersign.`. Field values are strings, numbers, booleans or lists of strings.
 */
export type EcsValue = string | number | boolean | null | readonly (string | number)[];

export interface EcsDocument {
  /** Milliseconds since the epoch. */
  readonly '@timestamp': number;
  readonly [field: string]: EcsValue;
}

export interface EcsFields {
  /** Adds a field; nothing for null, undefined, an empty string or an empty list. Each field once. */
  set(field: string, value: EcsValue | undefined): this;
  /** Adds bytes as lower-case hex, for digests. */
  setHex(field: string, bytes: Uint8Array | null): this;
  /** Adds bytes as base64. */
  setBase64(field: string, bytes: Uint8Array | null): this;
  /** Adds to one of the `related.*` lists, each value once. */
  relate(field: 'user' | 'ip' | 'hosts' | 'hash', ...values: readonly (string | null)[]): this;
}

export interface EcsBuilder extends EcsFields {
  build(): EcsDocument;
}

/** Elasticsearch refuses keyword terms over 32,766 bytes; lists beyond this are cut in the copy, never in the log. */
export const LIST_ENTRIES_MAX = 1000;

/** Takes a document field by field. */
export type PutField = (field: string, value: EcsValue) => void;

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

type Related = 'user' | 'ip' | 'hosts' | 'hash';

class FieldBuilder {
  readonly #put: PutField;
  #related: Partial<Record<Related, Set<string>>> | undefined;

  constructor(put: PutField) {
    this.#put = put;
  }

  set(field: string, value: EcsValue | undefined): this {
    if (value === null || value === undefined || value === '') return this;
    if (typeof value !== 'object') this.#put(field, value);
    else if (value.length > LIST_ENTRIES_MAX) this.#put(field, value.slice(0, LIST_ENTRIES_MAX));
    else if (value.length > 0) this.#put(field, value);
    return this;
  }

  setHex(field: string, bytes: Uint8Array | null): this {
    return this.set(field, bytes === null ? null : bufferOf(bytes).toString('hex'));
  }

  setBase64(field: string, bytes: Uint8Array | null): this {
    return this.set(field, bytes === null ? null : bufferOf(bytes).toString('base64'));
  }

  relate(field: Related, ...values: readonly (string | null)[]): this {
    const lists = (this.#related ??= {});
    const list = (lists[field] ??= new Set());
    for (const value of values) if (value !== null && value !== '') list.add(value);
    return this;
  }

  finish(): void {
    const lists = this.#related;
    if (lists === undefined) return;
    for (const field of Object.keys(lists) as Related[]) this.set(`related.${field}`, [...lists[field]!]);
  }
}

function begin(put: PutField, timestamp: number, dataset: string): FieldBuilder {
  put('@timestamp', timestamp);
  put('ecs.version', '9.0.0');
  put('event.module', 'countersign');
  put('event.dataset', dataset);
  return new FieldBuilder(put);
}

/** Gives the fields of a document to `put`, each once, without making the document: for the index, which writes them as they come. */
export function putFields(
  put: PutField,
  timestamp: number,
  dataset: string,
  fill: (ecs: EcsFields) => void,
): void {
  const builder = begin(put, timestamp, dataset);
  fill(builder);
  builder.finish();
}

class DocumentBuilder extends FieldBuilder implements EcsBuilder {
  readonly #fields: Record<string, EcsValue>;

  constructor(fields: Record<string, EcsValue>) {
    super((field, value) => void (fields[field] = value));
    this.#fields = fields;
  }

  build(): EcsDocument {
    this.finish();
    return this.#fields as Record<string, EcsValue> & { '@timestamp': number };
  }
}

export function createEcsBuilder(timestamp: number, dataset: string): EcsBuilder {
  const fields: Record<string, EcsValue> = {};
  begin((field, value) => void (fields[field] = value), timestamp, dataset);
  return new DocumentBuilder(fields);
}

const SEVERITY_NUMBERS = { informational: 0, none: 0, low: 25, medium: 50, high: 75, critical: 100 } as const;

/** Numeric `event.severity` of a severity or risk class; 0 to 100. */
export function severityNumber(severity: keyof typeof SEVERITY_NUMBERS): number {
  return SEVERITY_NUMBERS[severity];
}
