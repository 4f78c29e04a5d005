import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Detection } from '../../schemas/types.ts';
import { createIncidentBook, isSerious } from '../incidents/incident-book.ts';
import { openIncident, attachDetection } from '../incidents/incident-change.ts';
import { createRecentMap } from '../incidents/recent-map.ts';
import { createOffsetWatermark } from '../engine/offset-watermark.ts';
import { idempotencyKeyOf } from '../engine/idempotency-key.ts';
import { HARMLESS } from '../playbooks/run-cases.ts';

const detection = (id: string, differing: Partial<Detection> = {}): Detection => ({
  ...HARMLESS,
  detectionId: id,
  eventTime: 1_700_000_000_000,
  ...differing,
});

describe('incidents', () => {
  it('have the same id on a replay, shaped as a UUIDv7 of the event’s time', () => {
    const { incidentId } = openIncident(detection('d1'), 5);
    assert.equal(openIncident(detection('d1', { detectedAt: 99 }), 77).incidentId, incidentId);
    assert.notEqual(openIncident(detection('d2'), 5).incidentId, incidentId);
    assert.match(incidentId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(parseInt(incidentId.replaceAll('-', '').slice(0, 12), 16), 1_700_000_000_000);
  });

  it('group by key, origin and exercise', () => {
    const book = createIncidentBook({ incidentsMax: 100 });
    const ids = [
      detection('1'),
      detection('2', { identityId: 'countersign/other' }),
      detection('3', { credentialSource: null }),
      detection('4', { origin: 'import' }),
      detection('5', { origin: 'exercise', exerciseId: 'a' }),
      detection('6', { origin: 'exercise', exerciseId: 'b' }),
    ].map((each) => book.absorb(each, true, 1)!.incident.incidentId);
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 5);
  });

  it('take a detection once, and only grow', () => {
    const book = createIncidentBook({ incidentsMax: 100 });
    book.absorb(detection('1', { severity: 'high', risk: 60, title: 'bad' }), true, 1);
    const { incident, changed } = book.absorb(
      detection('2', { severity: 'low', risk: 10, title: 'mild' }),
      false,
      2,
    )!;
    assert.deepEqual(
      [changed, incident.version, incident.severity, incident.risk, incident.title],
      [true, 2, 'high', 60, 'bad'],
    );
    assert.equal(book.absorb(detection('1'), true, 3)!.changed, false);
  });

  it('keep their lists bounded and their count true', () => {
    let incident = openIncident(detection('0'), 1);
    for (let n = 1; n <= 1100; n += 1)
      incident = attachDetection(incident, detection(String(n), { sessionId: `s${n}` }), n);
    assert.equal(incident.detections.length, 1000);
    assert.equal(incident.detections.at(-1), '1100');
    assert.equal(incident.sessions.length, 1000);
    assert.equal(incident.detectionCount, 1101);
    assert.ok(incident.summary.length <= 2000);
  });

  it('are serious by risk, by the identity’s risk, or by severity', () => {
    assert.equal(isSerious(detection('1', { risk: 49, severity: 'medium' }), 50), false);
    assert.equal(isSerious(detection('1', { risk: 50 }), 50), true);
    assert.equal(isSerious(detection('1', { identityRisk: 50 }), 50), true);
    assert.equal(isSerious(detection('1', { severity: 'high' }), 50), true);
  });

  it('come back from the log as they were: older versions are ignored, what is in stays in', () => {
    const before = createIncidentBook({ incidentsMax: 100 });
    const one = before.absorb(detection('1', { risk: 60 }), true, 1)!.incident;
    const two = before.absorb(detection('2'), false, 2)!.incident;
    const after = createIncidentBook({ incidentsMax: 100 });
    after.restore(two);
    after.restore(one);
    assert.equal(after.get(one.incidentId)!.version, 2);
    assert.equal(after.absorb(detection('1'), true, 3)!.changed, false);
    assert.equal(after.absorb(detection('3'), false, 3)!.incident.version, 3);
  });
});

describe('bounds and watermarks', () => {
  it('a recent map never holds more than its bound', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean())), (entries) => {
        const map = createRecentMap<boolean>(10, (keep) => keep);
        for (const [key, keep] of entries) map.set(String(key), keep);
        assert.ok(map.size <= 10);
      }),
    );
  });

  it('a watermark moves only over what is done, and in the end over all', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(1000), { minLength: 1 }),
        fc.infiniteStream(fc.nat()),
        (offsets, chance) => {
          const ordered = offsets.toSorted((a, b) => a - b);
          const watermark = createOffsetWatermark();
          for (const offset of ordered) watermark.begin(offset);
          const order = ordered
            .map((offset) => ({ offset, rank: chance.next().value ?? 0 }))
            .toSorted((a, b) => a.rank - b.rank);
          const done = new Set<number>();
          let last: number | undefined;
          for (const { offset } of order) {
            done.add(offset);
            const reached = watermark.end(offset);
            if (reached === undefined) continue;
            assert.ok(ordered.filter((each) => each <= reached).every((each) => done.has(each)));
            last = reached;
          }
          assert.equal(last, ordered.at(-1));
        },
      ),
    );
  });

  it('a step after a release is a new effect', () => {
    const part = { incidentId: 'i', playbook: 'p', step: 's', subject: 'identity:a', releases: 0 };
    assert.equal(idempotencyKeyOf(part), idempotencyKeyOf({ ...part }));
    assert.notEqual(idempotencyKeyOf(part), idempotencyKeyOf({ ...part, releases: 1 }));
    assert.notEqual(idempotencyKeyOf(part), idempotencyKeyOf({ ...part, subject: 'identity:b' }));
  });
});
