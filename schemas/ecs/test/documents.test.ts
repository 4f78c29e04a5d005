import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCodec } from '../../codec.ts';
import { TOPICS } from '../../topics.ts';
import { DOCUMENT_MAPPINGS, type DocumentMapping } from '../documents.ts';
import { DEAD_LETTER_SHOWN_BYTES_MAX, deadLetterToEcs } from '../dead-letter.ts';
import { LOOKUP_FIELDS } from '../lookup-fields.ts';
import { sampleRecords } from './sample-record.ts';

/** Leaves that deliberately do not reach the index, with the reason. */
const OMITTED: Readonly<Record<string, string>> = {};

/** Topics that are not searchable, with the reason. */
const NOT_SEARCHABLE: Readonly<Record<string, string>> = {
  [TOPICS.verdicts.name]: 'lives for minutes; its outcome is in decision events',
  [TOPICS.rekeyedEvents.name]: 'copies of session events under other keys',
  [TOPICS.detectorState.name]: 'opaque state of the detectors',
};

/** Leaves whose own text a person would search for must stand in the document as they are. */
function holdsText(document: Readonly<Record<string, unknown>>, text: string): boolean {
  return Object.values(document).some((value) =>
    (Array.isArray(value) ? value : [value]).some(
      (entry) => typeof entry === 'string' && entry.includes(text),
    ),
  );
}

const samplesOf = (mapping: DocumentMapping) => sampleRecords(createCodec(mapping.schema).schemaJson);

describe('ECS mapping', () => {
  it('covers every topic but those that are left out for a reason', () => {
    const mapped = DOCUMENT_MAPPINGS.map(({ topic }) => topic);
    assert.deepEqual(
      [...mapped, ...Object.keys(NOT_SEARCHABLE)].toSorted(),
      Object.values(TOPICS)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  for (const mapping of DOCUMENT_MAPPINGS) {
    for (const { kind, record, leaves } of samplesOf(mapping)) {
      it(`loses no field of ${mapping.topic}, ${kind}`, () => {
        assert.ok(leaves.length > 5);
        const before = mapping.map(record as never);
        const missing: string[] = [];
        for (const { path, changed } of leaves) {
          const after = mapping.map(changed as never);
          const seen = JSON.stringify(after.document) !== JSON.stringify(before.document);
          const omitted = `${kind}:${path}` in OMITTED;
          assert.ok(!(seen && omitted), `${path} is mapped: take it off the list of omissions`);
          if (!seen && !omitted) missing.push(path);
        }
        assert.deepEqual(missing, []);
      });

      it(`keeps texts of ${mapping.topic}, ${kind} searchable as they are`, () => {
        const { document } = mapping.map(record as never);
        const texts = JSON.stringify(record).match(/text of [^"]+/g)!;
        assert.ok(texts.length > 0);
        assert.deepEqual(
          texts.filter((text) => !holdsText(document, text)),
          [],
        );
      });

      if (mapping.put !== undefined)
        it(`gives each field of ${mapping.topic}, ${kind} once, as the document has it`, () => {
          const given: [string, unknown][] = [];
          mapping.put!(record as never, (field, value) => void given.push([field, value]));
          assert.equal(new Set(given.map(([field]) => field)).size, given.length);
          const { document, ...name } = mapping.map(record as never);
          assert.deepEqual(Object.fromEntries(given), document);
          assert.deepEqual(mapping.name(record as never), name);
        });

      it(`makes a flat document with a time and known names of ${mapping.topic}, ${kind}`, () => {
        const { id, document } = mapping.map(record as never);
        assert.ok(id.length > 0 && id.length < 512);
        assert.ok(Number.isInteger(document['@timestamp']));
        assert.equal(document['event.dataset'], mapping.topic);
        for (const [field, value] of Object.entries(document)) {
          assert.match(field, /^(@timestamp|message|tags|[a-z_]+(\.[a-z0-9_]+)+)$/);
          const entries = Array.isArray(value) ? value : [value];
          for (const entry of entries)
            assert.ok(['string', 'number', 'boolean'].includes(typeof entry), field);
        }
        const own =
          /^(@timestamp|message|tags|countersign\.|(event|user|source|destination|related|rule|threat|ecs|error|observer|user_agent|network|orchestrator|process)\.)/;
        assert.deepEqual(
          Object.keys(document).filter((field) => !own.test(field)),
          [],
        );
      });
    }
  }

  it('sets an ip field only to an address', () => {
    const [opened] = samplesOf(DOCUMENT_MAPPINGS[0]!);
    const event = structuredClone(opened!.record) as { client: { ip: string }; target: { host: string } };
    event.client.ip = '2001:db8::1';
    event.target.host = 'db.internal';
    const { document } = DOCUMENT_MAPPINGS[0]!.map(event as never);
    assert.equal(document['source.ip'], '2001:db8::1');
    assert.equal(document['destination.ip'], undefined);
    assert.equal(document['destination.domain'], 'db.internal');
    assert.deepEqual(document['related.ip'], ['2001:db8::1']);
  });

  it('names only lookup fields that some document has', () => {
    const seen = new Set(
      DOCUMENT_MAPPINGS.flatMap((mapping) =>
        samplesOf(mapping).flatMap(({ record }) => {
          const event = structuredClone(record) as { client?: { ip: string } };
          if (event.client !== undefined) event.client.ip = '203.0.113.9';
          return Object.keys(mapping.map(event as never).document);
        }),
      ),
    );
    assert.deepEqual(
      LOOKUP_FIELDS.filter((field) => !seen.has(field)),
      [],
    );
  });

  it('shows the start of a long dead letter and the digest of all of it', () => {
    const letter = samplesOf(DOCUMENT_MAPPINGS.at(-1)!)[0]!.record as Parameters<typeof deadLetterToEcs>[0];
    const document = deadLetterToEcs({ ...letter, value: Buffer.alloc(DEAD_LETTER_SHOWN_BYTES_MAX * 3, 1) });
    assert.equal(document['countersign.dead_letter.value_length'], DEAD_LETTER_SHOWN_BYTES_MAX * 3);
    assert.equal(
      Buffer.from(document['countersign.dead_letter.value_base64'] as string, 'base64').length,
      DEAD_LETTER_SHOWN_BYTES_MAX,
    );
  });
});
