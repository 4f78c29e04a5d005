/**
 * Schemas that others wrote records with, as a schema registry gives them: whether ours reads them, and their records as ours.
 *
 *   Confluent wire format:  00    | schema id, 4 bytes big-endian                             | Avro binary
 *   single object:          C3 01 | CRC-64-AVRO of the writer's schema, 8 bytes little-endian | Avro binary
 */
import { readdirSync, readFileSync } from 'node:fs';
import avro from 'avsc';
import { rabinFingerprint } from './rabin-fingerprint.ts';
import type { SchemaName } from './topics.ts';

export const CONFLUENT_FRAME_BYTES = 5;
export const SINGLE_OBJECT_FRAME_BYTES = 10;
const SINGLE_OBJECT = Buffer.of(0xc3, 0x01);

/** What reads and writes a schema of ours. */
export interface OwnSchema {
  readonly name: SchemaName;
  /** As in schemas/avro. */
  readonly json: string;
  /** Of the schema's Parsing Canonical Form, hexadecimal. */
  readonly fingerprint: string;
  /** Fingerprints that this version's codec reads: the schema's own and those in history/. */
  readonly readable: ReadonlySet<string>;
  /** Takes a schema that records were written with. */
  writer(writerJson: string): WriterSchema | { readonly ok: false; readonly reason: string };
}

export interface WriterSchema {
  readonly ok: true;
  readonly fingerprint: string;
  /**
   * The record with the single-object frame in place of Confluent's. What only a newer version could read is written anew as ours; its
   * hash can then be checked by that version only. Undefined where the bytes are no such record.
   */
  toSingleObject(framed: Uint8Array): Buffer | undefined;
}

const parse = (json: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(json) as avro.Schema, { wrapUnions: 'auto' });
const fingerprintOf = (type: avro.Type): string =>
  rabinFingerprint(JSON.stringify(type.schema())).toString('hex');
const frameOf = (fingerprint: string): Buffer =>
  Buffer.concat([SINGLE_OBJECT, Buffer.from(fingerprint, 'hex')]);

/** Fingerprint in a single-object frame, hexadecimal; undefined where there is none. */
export function fingerprintIn(framed: Uint8Array): string | undefined {
  if (framed.length < SINGLE_OBJECT_FRAME_BYTES || framed[0] !== 0xc3 || framed[1] !== 0x01) return undefined;
  return Buffer.from(framed.buffer, framed.byteOffset + 2, 8).toString('hex');
}

/** Schema id in Confluent's frame; undefined where there is none. */
export function registryIdIn(framed: Uint8Array): number | undefined {
  if (framed.length < CONFLUENT_FRAME_BYTES || framed[0] !== 0) return undefined;
  return Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength).readUInt32BE(1);
}

/** The schema without what readers and writers do not go by: docs, white space, order of attributes. */
export function comparable(json: string): string {
  const strip = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(strip);
    if (typeof node !== 'object' || node === null) return node;
    const kept = Object.entries(node).filter(
      ([name, value]) => !(name === 'doc' && typeof value === 'string'),
    );
    return Object.fromEntries(
      kept.map(([name, value]) => [name, strip(value)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  };
  return JSON.stringify(strip(JSON.parse(json)));
}

export function ownSchema(name: SchemaName): OwnSchema {
  const folder = new URL('avro/', import.meta.url);
  const json = readFileSync(new URL(`${name}.avsc`, folder), 'utf8');
  const own = parse(json);
  const fingerprint = fingerprintOf(own);
  const history = readdirSync(new URL('history/', folder)).filter((file) => file.startsWith(`${name}.`));
  const readable = new Set(
    history.map((file) => fingerprintOf(parse(readFileSync(new URL(`history/${file}`, folder), 'utf8')))),
  ).add(fingerprint);
  const frame = frameOf(fingerprint);
  return {
    name,
    json,
    fingerprint,
    readable,
    writer(writerJson) {
      try {
        const writer = parse(writerJson);
        const written = fingerprintOf(writer);
        const resolver = own.createResolver(writer);
        if (readable.has(written)) {
          const prefix = frameOf(written);
          const toSingleObject = (framed: Uint8Array): Buffer =>
            Buffer.concat([prefix, framed.subarray(CONFLUENT_FRAME_BYTES)]);
          return { ok: true, fingerprint: written, toSingleObject };
        }
        return {
          ok: true,
          fingerprint: written,
          toSingleObject(framed) {
            try {
              const body = Buffer.from(framed.subarray(CONFLUENT_FRAME_BYTES));
              return Buffer.concat([frame, own.toBuffer(own.fromBuffer(body, resolver))]);
            } catch {
              return undefined;
            }
          },
        };
      } catch (error) {
        return { ok: false, reason: (error as Error).message };
      }
    },
  };
}
