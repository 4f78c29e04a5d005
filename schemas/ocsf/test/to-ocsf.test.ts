/** Every record of every topic against OCSF 1.5.0 as published: attributes, types, what is required, and allowed values. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createCodec, type SchemaTypes } from '../../codec.ts';
import { sampleRecords } from '../../ecs/test/sample-record.ts';
import { OCSF_CLASSES, type OcsfEvent } from '../ocsf-event.ts';
import { toOcsf } from '../to-ocsf.ts';

interface Attribute {
  readonly type: string;
  readonly required?: true;
  readonly list?: true;
  readonly values?: readonly number[];
}
interface Shape {
  readonly oneOf: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}
interface Published {
  readonly version: string;
  readonly types: Readonly<Record<string, string>>;
  readonly classes: Readonly<Record<string, Shape & { readonly uid: number; readonly category: number }>>;
  readonly objects: Readonly<Record<string, Shape>>;
}
const published = JSON.parse(readFileSync(join(import.meta.dirname, 'ocsf-1.5.0.json'), 'utf8')) as Published;

const SCALARS: Readonly<Record<string, (value: unknown) => boolean>> = {
  string_t: (value) => typeof value === 'string' && value !== '',
  integer_t: Number.isSafeInteger,
  long_t: Number.isSafeInteger,
  float_t: Number.isFinite,
  boolean_t: (value) => typeof value === 'boolean',
};

/** What is wrong with an object, each with its path. */
function faults(shape: Shape, object: Readonly<Record<string, unknown>>, path: string): string[] {
  const found = Object.entries(shape.attributes)
    .filter(([name, { required }]) => required === true && object[name] === undefined)
    .map(([name]) => `${path}.${name} is required`);
  if (shape.oneOf.length > 0 && !shape.oneOf.some((name) => object[name] !== undefined))
    found.push(`${path} has none of ${shape.oneOf.join(', ')}`);
  for (const [name, value] of Object.entries(object)) {
    const attribute = shape.attributes[name];
    const at = `${path}.${name}`;
    if (attribute === undefined) found.push(`${at} is no attribute of OCSF`);
    else if (Array.isArray(value) !== (attribute.list === true)) found.push(`${at}: list or not`);
    else for (const entry of [value].flat()) found.push(...faultsOfValue(attribute, entry, at));
  }
  return found;
}

function faultsOfValue({ type, values }: Attribute, value: unknown, at: string): string[] {
  if (value === undefined) return [];
  // Free form.
  if (type === 'json_t' || type === 'object') return [];
  const base = published.types[type];
  if (base === undefined) {
    const shape = published.objects[type];
    return shape === undefined
      ? [`${at}: ${type} is not in the fixture`]
      : faults(shape, value as object as Record<string, unknown>, at);
  }
  if (!SCALARS[base]!(value)) return [`${at} is no ${type}`];
  if (type === 'ip_t' && isIP(value as string) === 0) return [`${at} is no address`];
  return values === undefined || values.includes(value as number)
    ? []
    : [`${at}: ${JSON.stringify(value)} is not allowed`];
}

const SCHEMAS = ['session-event', 'detection', 'incident', 'response', 'control-record'] as const;

function events(): { name: string; event: OcsfEvent | undefined }[] {
  return SCHEMAS.flatMap((schema) =>
    sampleRecords(createCodec(schema).schemaJson).flatMap(({ kind, record }) => {
      const bare = structuredClone(record) as Record<string, unknown>;
      for (const part of ['session', 'identity', 'client', 'target', 'exerciseId', 'closedBy', 'closedAs'])
        if (part in bare) bare[part] = null;
      const protocols = ['postgres', 'ssh', 'kubernetes'].map((protocol) => {
        const copy = structuredClone(record) as { target?: { protocol: string }; techniques?: string[] };
        if (copy.target) copy.target.protocol = protocol;
        if (copy.techniques) copy.techniques = ['T1078', 'T1078.004'];
        return [protocol, copy] as const;
      });
      return [['bare', bare] as const, ['full', record] as const, ...protocols].map(([variant, one]) => ({
        name: `${schema}/${kind} (${variant})`,
        event: toOcsf(schema, one as SchemaTypes[typeof schema]),
      }));
    }),
  );
}

describe('OCSF mapping', () => {
  const all = events();

  it('makes events that are valid in their class', () => {
    const shapes = new Map(Object.values(published.classes).map((shape) => [shape.uid, shape]));
    const wrong = all.flatMap(({ name, event }) => {
      if (event === undefined) return [];
      const shape = shapes.get(event.class_uid)!;
      assert.equal(event.category_uid, shape.category);
      assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id);
      return faults(shape, event, name);
    });
    assert.deepEqual([...new Set(wrong)], []);
  });

  it('uses each of its classes, and leaves out only what is about the gateway itself', () => {
    const used = new Set(all.map(({ event }) => event?.class_uid));
    for (const uid of Object.values(OCSF_CLASSES)) assert.ok(used.has(uid), String(uid));
    const left = new Set(
      all.filter(({ event }) => event === undefined).map(({ name }) => name.split(' ')[0]),
    );
    assert.deepEqual(
      [...left].toSorted((a, b) => (a! < b! ? -1 : 1)),
      ['checkpoint', 'data', 'heartbeat'].map((kind) => `session-event/${kind}`),
    );
  });

  it('tells a sign-on from a failed one and a sign-off', () => {
    const of = (kind: string): OcsfEvent =>
      all.find(({ name }) => name === `session-event/${kind} (full)`)!.event!;
    assert.deepEqual(
      ['session_opened', 'session_refused', 'session_closed'].map((kind) => [
        of(kind).type_uid,
        of(kind)['status_id'],
      ]),
      [
        [300201, 1],
        [300201, 2],
        [300202, 1],
      ],
    );
  });

  it('refuses what is no OCSF, so that the check above means something', () => {
    const [shape] = Object.values(published.classes);
    assert.ok(faults(shape!, { made_up: 1, time: 'now' }, 'x').length > 5);
  });
});
