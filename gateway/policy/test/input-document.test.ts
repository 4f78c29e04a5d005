/** The document that policies in Rego get: as its schema says, and the same for what is the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Value from 'typebox/value';
import { PolicyInput } from '../../../schemas/policy/input.ts';
import { inputDocument } from '../input-document.ts';
import { identity, input, MONDAY_NOON } from './support.ts';

const full = input({
  identity: identity({ kind: 'ai_agent', onBehalfOf: ['idp/ben'], attributes: { repository: 'acme/shop' } }),
  principals: [identity({ id: 'idp/ben', groups: ['dba'] })],
  usage: { identityRequestsLastMinute: 3, sessionRequestsLastMinute: 2, rows: 5, bytes: 7 },
  reason: 'because',
  ticket: 'OPS-1',
  grants: [
    { grantId: 'g1', actions: ['drop'], connections: ['*'], objects: ['*'], endsAt: MONDAY_NOON + 1000 },
    { grantId: 'g0', actions: ['*'], connections: ['*'], objects: ['*'], endsAt: MONDAY_NOON },
  ],
});

describe('the input document', () => {
  it('is what its schema says', () => {
    for (const given of [input(), full])
      for (const withUsage of [true, false]) {
        const document: unknown = JSON.parse(JSON.stringify(inputDocument(given, withUsage)));
        assert.deepEqual([...Value.Errors(PolicyInput, document)], []);
      }
  });

  it('has grants that are in force, and usage only where it is asked for', () => {
    const document = inputDocument(full, false);
    assert.deepEqual(
      document.grants.map(({ grant_id: id }) => id),
      ['g1'],
    );
    assert.equal(document.usage, undefined);
    assert.deepEqual(inputDocument(full, true).usage, {
      identity_requests_last_minute: 3,
      session_requests_last_minute: 2,
      session_rows: 5,
      session_bytes: 7,
    });
  });

  it('is the same within a minute, and says nothing of ports, tokens and display names', () => {
    const later = { ...full, now: full.now + 59_000, grants: [] };
    const same = { ...full, grants: [] };
    assert.deepEqual(inputDocument(later, false), inputDocument(same, false));
    const other = {
      ...same,
      client: { ...same.client, port: 9 },
      identity: { ...same.identity, tokenId: 't2', displayName: 'Other' },
    };
    assert.deepEqual(inputDocument(other, false), inputDocument(same, false));
  });
});
