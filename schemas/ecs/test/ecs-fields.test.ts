/** Our documents against the field list that Elastic publishes (@elastic/ecs 9.4: names, types, allowed values). */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import { EcsFlat } from '@elastic/ecs';
import { createCodec } from '../../codec.ts';
import { DOCUMENT_MAPPINGS } from '../documents.ts';
import type { EcsDocument } from '../ecs-document.ts';
import { FIELD_TYPES, type FieldType } from '../field-types.ts';
import { sampleRecords } from './sample-record.ts';

interface PublishedField {
  readonly type: string;
  readonly normalize: readonly string[];
  readonly allowed_values?: readonly {
    readonly name: string;
    readonly expected_event_types?: readonly string[];
  }[];
}
const published = EcsFlat as unknown as Readonly<Record<string, PublishedField | undefined>>;

/** Single by ECS, several in ours, with the reason: Elasticsearch does not tell one from the other. */
const SEVERAL: Readonly<Record<string, string>> = {
  'user.id': 'an incident may be about several identities',
};

interface Party {
  ip?: string;
  host?: string;
  protocol?: string;
}

/** Documents of every kind of every topic; session events with addresses, names, and each kind of target. */
function documents(): { name: string; document: EcsDocument }[] {
  return DOCUMENT_MAPPINGS.flatMap((mapping) =>
    sampleRecords(createCodec(mapping.schema).schemaJson).flatMap(({ kind, record }) => {
      const plain = { name: `${mapping.index}/${kind}`, document: mapping.map(record as never).document };
      const others = ['postgres', 'ssh', 'kubernetes', 'http', 'mcp'].map((protocol) => {
        const copy = structuredClone(record) as { client?: Party; target?: Party; clientIp?: string };
        if (copy.client) copy.client.ip = '203.0.113.9';
        if (copy.clientIp) copy.clientIp = '2001:db8::9';
        if (copy.target) Object.assign(copy.target, { host: '198.51.100.4', protocol });
        return { name: `${plain.name} of ${protocol}`, document: mapping.map(copy as never).document };
      });
      return [plain, ...others];
    }),
  );
}

const FITS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  keyword: (value) => typeof value === 'string',
  text: (value) => typeof value === 'string',
  wildcard: (value) => typeof value === 'string',
  stored: (value) => typeof value === 'string',
  ip: (value) => typeof value === 'string' && isIP(value) > 0,
  long: Number.isSafeInteger,
  date: Number.isSafeInteger,
  float: Number.isFinite,
  double: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
};
const NAMES: Partial<Record<FieldType, string>> = { text: 'match_only_text' };

describe('ECS fields', () => {
  const all = documents();
  it('are looked at in every kind of document', () => assert.ok(all.length > 100));

  it('have a type, and every value fits it', () => {
    const wrong = new Set<string>();
    for (const { document } of all) {
      for (const [field, value] of Object.entries(document)) {
        const type = FIELD_TYPES[field];
        const values: readonly unknown[] = Array.isArray(value) ? value : [value];
        if (type === undefined) wrong.add(`${field} has no type: give it one in schemas/ecs/field-types.ts`);
        else if (!values.every(FITS[type])) wrong.add(`${field} is no ${type}`);
        if (Array.isArray(value) && !['keyword', 'text', 'ip', 'stored', 'wildcard'].includes(type ?? ''))
          wrong.add(`${field} is a list`);
      }
    }
    assert.deepEqual([...wrong], []);
  });

  it('that are not ours are published, with the same type', () => {
    const wrong = Object.entries(FIELD_TYPES)
      .filter(([field]) => !field.startsWith('countersign.'))
      .filter(([field, type]) => published[field]?.type !== (NAMES[type] ?? type))
      .map(([field, type]) => `${field}: ${type} here, ${published[field]?.type} in ECS`);
    assert.deepEqual(wrong, []);
  });

  it('are lists where ECS says so, and only there', () => {
    const wrong = new Set<string>();
    for (const { document } of all) {
      for (const [field, value] of Object.entries(document)) {
        const list = published[field]?.normalize.includes('array');
        if (list === undefined || field in SEVERAL) continue;
        if (Array.isArray(value) !== list) wrong.add(`${field} ${list ? 'is a list' : 'is single'} in ECS`);
      }
    }
    assert.deepEqual([...wrong], []);
  });

  it('hold the values that ECS allows, and types that belong to their category', () => {
    const wrong = new Set<string>();
    const allowed = (field: string) => published[field]!.allowed_values!;
    for (const { name, document } of all) {
      for (const field of ['event.kind', 'event.category', 'event.type', 'event.outcome'])
        for (const value of [document[field] ?? []].flat())
          if (!allowed(field).some((one) => one.name === value))
            wrong.add(`${name}: ${field} ${String(value)}`);
      for (const category of [document['event.category'] ?? []].flat()) {
        const expected = allowed('event.category').find((one) => one.name === category)?.expected_event_types;
        for (const type of [document['event.type'] ?? []].flat())
          if (!expected?.includes(String(type)))
            wrong.add(`${name}: ${String(category)} has no ${String(type)}`);
      }
    }
    assert.deepEqual([...wrong], []);
  });

  it('say who, from where and to where in every session event that knows it', () => {
    const events = all.filter(({ name }) => /^session-events.* of /.test(name));
    assert.ok(events.length >= 50);
    for (const { name, document } of events)
      for (const field of [
        'event.kind',
        'event.action',
        'event.id',
        'user.id',
        'source.ip',
        'destination.ip',
        'network.protocol',
      ])
        assert.notEqual(document[field], undefined, `${name}: ${field}`);
    const named = (part: string, field: string): unknown =>
      all.find(({ name }) => name.includes(part))!.document[field];
    assert.notEqual(named('request of ssh', 'process.command_line'), undefined);
    assert.notEqual(named('request of kubernetes', 'orchestrator.cluster.name'), undefined);
    assert.notEqual(named('detections/', 'threat.technique.id'), undefined);
    assert.notEqual(named('detections/', 'rule.name'), undefined);
  });
});
