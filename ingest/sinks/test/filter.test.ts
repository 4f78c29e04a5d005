import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Value from 'typebox/value';
import { SinkFilter } from '../../../schemas/config/sink-filter.ts';
import { compileFilter } from '../filter.ts';
import { isDocumentField } from '../known-fields.ts';

const document = {
  '@timestamp': Date.parse('2026-11-24T12:00:00Z'),
  'event.action': 'request',
  'event.severity': 75,
  'event.risk_score': 40,
  'countersign.origin': 'gateway',
  'countersign.connection': 'orders-db',
  'user.id': 'https://issuer.example/alice',
  'source.ip': '10.1.2.3',
  'countersign.request.objects': ['public.orders', 'public.customers'],
  message: 'select * from "Orders" where a*b',
};
const passes = (filter: object, fields: object = document): boolean =>
  compileFilter(
    'test',
    Value.Parse(SinkFilter, Value.Default(SinkFilter, filter)),
    isDocumentField,
  )(fields as never);

describe('filter of a sink', () => {
  const cases: readonly (readonly [boolean, object])[] = [
    [true, {}],
    [true, { since: '2026-11-24T12:00:00Z' }],
    [false, { since: '2026-11-24T12:00:01Z' }],
    [true, { since: '2026-11-24T13:00:00+01:00' }],
    [true, { actions: ['session_*', 'req*'] }],
    [false, { actions: ['session_*'] }],
    [true, { severityMin: 'high' }],
    [false, { severityMin: 'critical' }],
    [true, { riskMin: 40 }],
    [false, { riskMin: 41 }],
    [true, { origins: ['gateway'] }],
    [false, { origins: ['import'] }],
    [true, { identities: ['*/alice'] }],
    [false, { identities: ['alice'] }],
    [true, { connections: ['orders-db'] }],
    [false, { connections: ['orders'] }],
    [true, { where: [{ 'event.action': 'REQUEST' }] }],
    [false, { where: [{ 'event.action|cased': 'REQUEST' }] }],
    [true, { where: [{ 'event.action': ['a', 'request'], 'source.ip|cidr': '10.0.0.0/8' }] }],
    [false, { where: [{ 'event.action': 'request', 'source.ip|cidr': '192.168.0.0/16' }] }],
    [true, { where: [{ 'event.action': 'no' }, { 'message|contains': '"orders"' }] }],
    [true, { where: [{ 'message|startswith': 'select' }] }],
    [false, { where: [{ 'message|endswith': 'select' }] }],
    [true, { where: [{ message: '*a\\*b' }] }],
    [false, { where: [{ message: '*a\\*c' }] }],
    [true, { where: [{ 'event.severity|gte': 75, 'event.severity|lt': 76 }] }],
    [false, { where: [{ 'event.severity|gt': 75 }] }],
    [true, { where: [{ 'countersign.request.objects|all': ['public.orders', 'public.c*'] }] }],
    [false, { where: [{ 'countersign.request.objects|all': ['public.orders', 'public.x'] }] }],
    [true, { where: [{ 'countersign.incident.id|exists': false, 'user.id|exists': true }] }],
    [false, { where: [{ 'user.id|exists': false }] }],
    [false, { unless: [{ 'user.id|endswith': '/alice' }] }],
    [true, { unless: [{ 'user.id|endswith': '/bob' }] }],
  ];
  for (const [wanted, filter] of cases)
    it(`${wanted ? 'passes' : 'stops'} ${JSON.stringify(filter)}`, () =>
      assert.equal(passes(filter), wanted));

  it('stops what lacks a field that it asks for, but for its origin', () => {
    const bare = { '@timestamp': 1, 'event.action': 'lock_out' };
    assert.equal(passes({ severityMin: 'informational' }, bare), false);
    assert.equal(passes({ riskMin: 0 }, bare), false);
    assert.equal(passes({ identities: ['*'] }, bare), false);
    assert.equal(passes({ origins: ['gateway'] }, bare), true);
  });

  it('says what is wrong with it', () => {
    const wrong = (where: object, reason: RegExp) => assert.throws(() => passes({ where: [where] }), reason);
    wrong({ nonsense: 'x' }, /no record has a field nonsense/);
    wrong({ 'event.action|regex': 'x' }, /no modifier regex/);
    wrong({ 'event.severity|gt': 'high' }, /gt needs a number/);
    wrong({ 'source.ip|cidr': '10.0.0.1' }, /10\.0\.0\.1 is no network/);
    wrong({ 'user.id|exists': 'yes' }, /exists needs true or false/);
    assert.throws(() => passes({ since: '2026-99-99T00:00:00Z' }), /since is no time/);
  });
});
