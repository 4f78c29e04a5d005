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

export interface EcsBuilder {
  /** Adds a field; nothing for null, undefined, an empty string or an empty list. */
  set(field: string, value: EcsValue | undefined): EcsBuilder;
  /** Adds bytes as lower-case hex, for digests. */
  setHex(field: string, bytes: Uint8Array | null): EcsBuilder;
  /** Adds bytes as base64. */
  setBase64(field: string, bytes: Uint8Array | null): EcsBuilder;
  /** Adds to one of the `related.*` lists, each value once. */
  relate(field: 'user' | 'ip' | 'hosts' | 'hash', ...values: readonly (string | null)[]): EcsBuilder;
  build(): EcsDocument;
}

/** Elasticsearch refuses keyword terms over 32,766 bytes; lists beyond this are cut in the copy, never in the log. */
export const LIST_ENTRIES_MAX = 1000;

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function createEcsBuilder(timestamp: number, dataset: string): EcsBuilder {
  const fields: Record<string, EcsValue> & { '@timestamp': number } = {
    '@timestamp': timestamp,
    'ecs.version': '9.0.0',
    'event.module': 'countersign',
    'event.dataset': dataset,
  };
  const related = new Map<string, Set<string>>();
  const builder: EcsBuilder = {
    set(field, value) {
      if (value === null || value === undefined || value === '') return builder;
      if (typeof value !== 'object') fields[field] = value;
      else if (value.length > LIST_ENTRIES_MAX) fields[field] = value.slice(0, LIST_ENTRIES_MAX);
      else if (value.length > 0) fields[field] = value;
      return builder;
    },
    setHex: (field, bytes) => builder.set(field, bytes === null ? null : view(bytes).toString('hex')),
    setBase64: (field, bytes) => builder.set(field, bytes === null ? null : view(bytes).toString('base64')),
    relate(field, ...values) {
      let set = related.get(field);
      if (set === undefined) related.set(field, (set = new Set()));
      for (const value of values) if (value !== null && value !== '') set.add(value);
      return builder;
    },
    build() {
      for (const [field, values] of related) builder.set(`related.${field}`, [...values]);
      return fields;
    },
  };
  return builder;
}

const SEVERITY_NUMBERS = { informational: 0, none: 0, low: 25, medium: 50, high: 75, critical: 100 } as const;

/** Numeric `event.severity` of a severity or risk class; 0 to 100. */
export function severityNumber(severity: keyof typeof SEVERITY_NUMBERS): number {
  return SEVERITY_NUMBERS[severity];
}
