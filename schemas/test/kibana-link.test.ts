import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { incidentLink, INCIDENT_SEARCH } from '../kibana-link.ts';

const incident = {
  incidentId: 'inc-1',
  state: 'open' as const,
  openedAt: Date.parse('2026-11-24T12:00:00Z'),
  updatedAt: Date.parse('2026-11-24T12:05:00Z'),
  detections: ['d1', 'd2'],
  sessions: ["s'1"],
};

describe('link to Kibana', () => {
  it('is there only where Kibana is configured', () => {
    assert.equal(incidentLink({}, incident), undefined);
  });

  it('opens the incident’s search with its detections and sessions, around its time', () => {
    const link = incidentLink({ url: 'https://kibana.example/base/', space: 'soc' }, incident)!;
    assert.ok(link.startsWith(`https://kibana.example/base/s/soc/app/discover#/view/${INCIDENT_SEARCH}?`));
    const state = decodeURIComponent(link.split('?')[1]!);
    assert.equal(
      state,
      '_g=(time:(from:\'2026-11-24T11:00:00.000Z\',to:now))&_a=(query:(language:kuery,query:\'countersign.incident.id : "inc-1" or countersign.detection.id : ("d1" or "d2") or countersign.session.id : ("s!\'1")\'))',
    );
  });

  it('ends with a closed incident, and stays short with a large one', () => {
    const many = Array.from({ length: 1000 }, (_, place) => `0199a2b0-0000-7000-8000-00000000${place}`);
    const link = incidentLink(
      { url: 'https://kibana.example' },
      { ...incident, state: 'closed', detections: many, sessions: many },
    )!;
    assert.ok(link.length < 4000, String(link.length));
    assert.ok(link.includes(many.at(-1)!));
    assert.match(decodeURIComponent(link), /to:'2026-11-24T13:05:00\.000Z'/);
  });
});
