/**
 * Records of every topic: Avro binary, framed as Avro single-object encoding (Avro 1.12 specification, "Single-object encoding").
 * Where there is a schema registry, platform/schema-registry gives them the frame of Confluent's wire format in the log, and takes it
 * off again before they come here.
 *
 *   single object:  C3 01 | CRC-64-AVRO of the writer's schema, 8 bytes little-endian | Avro binary
 *   Confluent:      00    | schema id, 4 bytes big-endian                             | Avro binary
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import avro from 'avsc';
import { createAvroWriter, type AvroWriter } from './avro-writer.ts';
import { rabinFingerprint } from './rabin-fingerprint.ts';
import { fromJson, toJson, type JsonValue } from './json-form.ts';
import type { SchemaName } from './topics.ts';
import type {
  ControlRecord,
  DeadLetter,
  Detection,
  DetectorState,
  Incident,
  RekeyedEvent,
  ResponseStep,
  SessionEvent,
  Verdict,
} from './types.ts';

export interface SchemaTypes {
  'session-event': SessionEvent;
  verdict: Verdict;
  detection: Detection;
  incident: Incident;
  response: ResponseStep;
  'control-record': ControlRecord;
  'rekeyed-event': RekeyedEvent;
  'detector-state': DetectorState;
  'dead-letter': DeadLetter;
}

/** Why a record could not be read. Values, not exceptions: an unreadable record goes to dead-letters. */
export type DecodeResult<T> = { ok: true; value: T } | { ok: false; reason: string };

export interface Codec<T> {
  readonly name: SchemaName;
  /** The schema as JSON text, as in schemas/avro. */
  readonly schemaJson: string;
  /** Every schema that records are read with: its own first, then those in history/. */
  readonly schemas: readonly string[];
  /** SHA-256 of the schema's Parsing Canonical Form; part of the hash of every event that this codec writes. */
  readonly schemaDigest: Uint8Array;
  /**
   * The digest of the schema that a framed record was written with: an event keeps the hash that its writer gave it, whatever the
   * schema is today. Undefined where `decode` does not know the schema.
   */
  digestOf(framed: Uint8Array): Uint8Array | undefined;
  /** Returns the framed record. Throws TypeError on a value that does not fit the schema: a bug, not input. */
  encode(value: T): Buffer;
  /**
   * Writes the framed record into `buffer` at `at` and returns where it ends, or 0 where there is no room for it. Throws as `encode`
   * does. For the data path: without copies, and what a session repeats (identity, client, target, actions) is frozen and encoded once.
   */
  encodeInto(value: T, buffer: Buffer, at: number): number;
  /** Reads a framed record, also one written with an earlier schema in history/. */
  decode(framed: Uint8Array): DecodeResult<T>;
  /** The schema's JSON form: as the TypeScript type, bytes as base64. */
  toJson(value: T): JsonValue;
  /** Reads the JSON form; absent fields take their defaults. */
  fromJson(json: unknown): DecodeResult<T>;
}

const FRAME_BYTES = 10;
const CONFLUENT_FRAME_BYTES = 5;

interface Discriminated {
  field: string;
  branchByKind: Map<string, string>;
}

interface AvroRecordSchema {
  namespace?: string;
  fields: { name: string; type: unknown }[];
}

/** Finds the fields that are unions of records told apart by `kind`, as avsc wants them wrapped by branch name. */
function discriminatedFields(schema: AvroRecordSchema): Discriminated[] {
  const found: Discriminated[] = [];
  for (const field of schema.fields) {
    if (!Array.isArray(field.type)) continue;
    const branchByKind = new Map<string, string>();
    for (const branch of field.type as {
      name?: string;
      fields?: { name: string; type: { symbols?: string[] } }[];
    }[]) {
      const kind = branch.fields?.find((candidate) => candidate.name === 'kind')?.type.symbols?.[0];
      if (kind !== undefined) branchByKind.set(kind, `${schema.namespace}.${branch.name}`);
    }
    if (branchByKind.size > 1) found.push({ field: field.name, branchByKind });
  }
  return found;
}

function readSchema(name: string): string {
  return readFileSync(new URL(`avro/${name}.avsc`, import.meta.url), 'utf8');
}

/** Earlier versions of a schema, as files `history/NAME.N.avsc`. */
function readHistory(name: SchemaName): string[] {
  const folder = new URL('avro/history/', import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.`) && file.endsWith('.avsc'))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'));
}

const parse = (schemaJson: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(schemaJson) as avro.Schema, { wrapUnions: 'auto' });

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The key of the writer's schema in a single-object frame; undefined where there is none. */
const keyOf = (framed: Buffer): string | undefined =>
  framed.length >= FRAME_BYTES && framed[0] === 0xc3 && framed[1] === 0x01
    ? framed.toString('hex', 2, FRAME_BYTES)
    : undefined;

/** Codecs know nothing but their schema: one for each is enough, and making one takes milliseconds. */
const plain = new Map<SchemaName, unknown>();

/** Objects that a session repeats in its events, as RECORD.FIELD: encoded once each, and frozen from then on. */
const KEPT = ['SessionEvent.identity', 'SessionEvent.client', 'SessionEvent.target', 'Request.actions'];

/** The codec of one schema. */
export function createCodec<N extends SchemaName>(name: N): Codec<SchemaTypes[N]> {
  const codec =
    (plain.get(name) as Codec<SchemaTypes[N]> | undefined) ??
    createCodecOf(name, readSchema(name), readHistory(name));
  plain.set(name, codec);
  return codec;
}

/** The codec of a schema as it is at another time: `schemaJson` writes and reads, `history` is read too. */
export function createCodecOf<N extends SchemaName>(
  name: N,
  schemaJson: string,
  history: readonly string[],
): Codec<SchemaTypes[N]> {
  type T = SchemaTypes[N];
  const schema = JSON.parse(schemaJson) as AvroRecordSchema;
  const type = parse(schemaJson);
  const canonical = JSON.stringify(type.schema());
  const fingerprint = rabinFingerprint(canonical);
  const schemaDigest = sha256(canonical);
  const discriminated = discriminatedFields(schema);
  const resolvers = new Map<string, avro.Resolver | undefined>([[fingerprint.toString('hex'), undefined]]);
  const digests = new Map<string, Uint8Array>([[fingerprint.toString('hex'), schemaDigest]]);
  const schemas = [schemaJson];
  for (const old of history) {
    const writer = parse(old);
    const written = JSON.stringify(writer.schema());
    const key = rabinFingerprint(written).toString('hex');
    if (resolvers.has(key)) continue;
    resolvers.set(key, type.createResolver(writer));
    digests.set(key, sha256(written));
    schemas.push(old);
  }
  let write: AvroWriter | undefined;

  const wrap = (value: T): unknown => {
    if (discriminated.length === 0) return value;
    const wrapped = { ...(value as object) } as Record<string, unknown>;
    for (const { field, branchByKind } of discriminated) {
      const body = wrapped[field] as { kind: string };
      const branch = branchByKind.get(body.kind);
      if (branch === undefined) throw new TypeError(`${name}: unknown kind ${body.kind} in ${field}`);
      wrapped[field] = { [branch]: body };
    }
    return wrapped;
  };
  const unwrap = (value: unknown): T => {
    for (const { field } of discriminated) {
      const record = value as Record<string, { unwrap(): unknown }>;
      (value as Record<string, unknown>)[field] = record[field]!.unwrap();
    }
    return value as T;
  };

  const decodeBody = (
    framed: Buffer,
    start: number,
    resolver: avro.Resolver | undefined,
  ): DecodeResult<T> => {
    try {
      return { ok: true, value: unwrap(type.fromBuffer(framed.subarray(start), resolver)) };
    } catch (error) {
      return { ok: false, reason: `not a ${name} record: ${(error as Error).message}` };
    }
  };

  const frame = Buffer.concat([Buffer.of(0xc3, 0x01), fingerprint]);

  return {
    name,
    schemaJson,
    schemas,
    schemaDigest,
    digestOf: (framed) => digests.get(keyOf(bufferOf(framed)) ?? ''),
    encode(value) {
      const body = type.toBuffer(wrap(value));
      return Buffer.concat([frame, body]);
    },
    encodeInto(value, buffer, at) {
      const start = at + frame.length;
      if (start >= buffer.length) return 0;
      frame.copy(buffer, at);
      write ??= createAvroWriter(schemaJson, KEPT);
      return Math.max(0, write(value, buffer, start));
    },
    decode(framed) {
      const bytes = bufferOf(framed);
      const key = keyOf(bytes);
      if (key !== undefined) {
        if (!resolvers.has(key))
          return { ok: false, reason: `written with an unknown schema (fingerprint ${key})` };
        return decodeBody(bytes, FRAME_BYTES, resolvers.get(key));
      }
      if (bytes.length >= CONFLUENT_FRAME_BYTES && bytes[0] === 0)
        return {
          ok: false,
          reason: `framed for a schema registry (id ${bytes.readUInt32BE(1)}), with a schema that is not known here`,
        };
      return {
        ok: false,
        reason: `no Avro frame (${bytes.length} bytes, first ${bytes.toString('hex', 0, 2)})`,
      };
    },
    toJson: (value) => toJson(value),
    fromJson(json) {
      const read = fromJson(schema, json);
      if (!read.ok) return read;
      return { ok: true, value: read.value as T };
    },
  };
}
