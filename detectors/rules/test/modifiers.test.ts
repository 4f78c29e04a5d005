import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FactValue } from '../../detector.ts';
import { errorsOf, matches, plainRule } from './support.ts';

/** Item of a rule, values that match, values that do not; undefined: the field is absent. */
const CASES: readonly (readonly [
  string,
  readonly (FactValue | undefined)[],
  readonly (FactValue | undefined)[],
])[] = [
  ['facts.v: abc', ['abc', 'ABC'], ['abcd', 'xabc', '', undefined, null]],
  ['facts.v: a*c', ['ac', 'abbc', 'a\nc'], ['ab', 'xac']],
  ['facts.v: a?c', ['abc'], ['ac', 'abbc']],
  ["facts.v: 'a\\*c'", ['a*c'], ['abc']],
  ["facts.v: 'a\\\\*'", ['a\\', 'a\\b'], ['ab']],
  ["facts.v: 'C:\\dir'", ['c:\\DIR'], ['c:dir']],
  ["facts.v: '*a*b*'", ['xaybz', 'ab'], ['ba']],
  ["facts.v: 'aa*aa'", ['aaaa', 'aaxaa'], ['aaa']],
  ["facts.v: '*?'", ['x', 'xyz'], ['']],
  ["facts.v: ''", [''], ['x', undefined]],
  ['facts.v: null', [undefined, null], ['', 0, false]],
  ['facts.v: 5', [5, '5'], [50, '05', 6]],
  ['facts.v: true', [true, 'True'], [false, 1]],
  ['facts.v: [a, b]', ['a', 'B'], ['c']],
  ['facts.v|contains: bc', ['abcd', 'BC'], ['b c']],
  ['facts.v|startswith: ab', ['abc'], ['xab']],
  ['facts.v|endswith: bc', ['abc'], ['bcx']],
  ['facts.v|contains|all: [a, b]', ['xbya'], ['a', 'b']],
  ['facts.v|cased: Abc', ['Abc'], ['abc']],
  ['facts.v|contains|cased: Bc', ['aBcd'], ['abcd']],
  ["facts.v|re: 'a.c'", ['xabcx'], ['ABC', 'a\nc']],
  ["facts.v|re|i: 'a.c'", ['ABC'], ['ab']],
  ["facts.v|re|s: 'a.c'", ['a\nc'], ['ac']],
  ["facts.v|re|m: '^b$'", ['a\nb\nc'], ['ab']],
  ["facts.v|re: '^b$'", ['b'], ['a\nb']],
  ['facts.v|cidr: 10.1.0.0/16', ['10.1.2.3'], ['10.2.0.1', 'no address', '::1']],
  ['facts.v|cidr: 2001:db8::/32', ['2001:db8:1::5'], ['2001:db9::1', '10.0.0.1']],
  ['facts.v|lt: 5', [4, '4.5'], [5, 'x', undefined, null, '']],
  ['facts.v|lte: 5', [5], [6]],
  ['facts.v|gt: 5', [6], [5, true]],
  ['facts.v|gte: 5.5', [5.5], [5]],
  ['facts.v|exists: true', ['', 0, false], [undefined, null]],
  ['facts.v|exists: false', [undefined, null], ['']],
  ['facts.v|neq: abc', ['x', undefined], ['abc', 'ABC']],
  ['facts.v|neq: 5', [6], [5]],
  ['facts.v|contains|neq: b', ['xyz'], ['abc']],
  ['facts.v|fieldref: facts.w', ['Same'], ['other', undefined]],
  ['facts.v|fieldref|startswith: facts.w', ['same and more'], ['not same']],
  ['facts.v|fieldref|neq: facts.w', ['other'], ['same']],
  ['facts.v|gt|fieldref: facts.n', [8], [7]],
  ['facts.v|base64: foo', ['Zm9v'], ['foo']],
  ['facts.v|base64offset|contains: secret', ['c2VjcmV0IQ==', 'YXNlY3JldGI=', 'YWFzZWNyZXQh'], ['secret']],
  [
    'facts.v|wide|base64offset|contains: cmd',
    [Buffer.from('x cmd y', 'utf16le').toString('base64')],
    [Buffer.from('x cmd y').toString('base64')],
  ],
  ['facts.v|utf16le: ab', ['a\0b\0'], ['ab']],
  ['facts.v|utf16be: ab', ['\0a\0b'], ['a\0b\0']],
  ['facts.v|utf16: ab', ['\u00ff\u00fea\0b\0'], ['a\0b\0']],
  ["facts.v|windash|contains: ' -x'", ['cmd -x', 'cmd /x', 'cmd –x', 'cmd —x', 'cmd ―x'], ['cmd x']],
  ['facts.v|expand: "%admins%"', ['root', 'ADMIN'], ['user', '%admins%']],
  ['facts.v|startswith|expand: "x-%admins%"', ['x-root-1'], ['root']],
  ['facts.v|minute: 30', [Date.UTC(2026, 10, 24, 3, 30)], [Date.UTC(2026, 10, 24, 3, 31)]],
  [
    'facts.v|hour: 3',
    [Date.UTC(2026, 10, 24, 3), '2026-11-24T03:10:00Z'],
    [Date.UTC(2026, 10, 24, 4), 'no date'],
  ],
  ['facts.v|hour|lt: 5', [Date.UTC(2026, 10, 24, 4)], [Date.UTC(2026, 10, 24, 5)]],
  ['facts.v|day: 24', [Date.UTC(2026, 10, 24)], [Date.UTC(2026, 10, 25)]],
  ['facts.v|week: 53', [Date.UTC(2027, 0, 3), Date.UTC(2026, 11, 31)], [Date.UTC(2027, 0, 4)]],
  ['facts.v|month: 11', [Date.UTC(2026, 10, 24)], [Date.UTC(2026, 9, 24)]],
  ['facts.v|year: 2026', [Date.UTC(2026, 0, 1)], [Date.UTC(2025, 11, 31)]],
];

describe('sigma: values and modifiers', () => {
  for (const [item, yes, no] of CASES)
    it(item, () => {
      const test = (v: FactValue | undefined): boolean =>
        matches(
          item,
          { w: 'same', n: 7, ...(v === undefined ? {} : { v }) },
          {},
          { admins: ['root', 'admin'] },
        );
      for (const value of yes) assert.equal(test(value), true, `should match ${JSON.stringify(value)}`);
      for (const value of no) assert.equal(test(value), false, `should not match ${JSON.stringify(value)}`);
    });

  it('a list of fields gives all its values', () => {
    const said = { do: ['read table a', 'drop table b'] };
    assert.equal(matches('request.action: drop', {}, said), true);
    assert.equal(matches('request.action|all: [read, drop]', {}, said), true);
    assert.equal(matches('request.action|all: [read, grant]', {}, said), false);
    assert.equal(matches('request.step: drop table a', {}, said), false);
  });

  const WRONG: readonly (readonly [string, string])[] = [
    ['facts.v|near: a', 'SIGMA_UNSUPPORTED'],
    ['facts.v|contains|startswith: a', 'SIGMA_INVALID'],
    ['facts.v|i: a', 'SIGMA_INVALID'],
    ['facts.v|all: a', 'SIGMA_INVALID'],
    ['facts.v|gt: many', 'SIGMA_INVALID'],
    ['facts.v|cidr: 10.0.0.0/33', 'SIGMA_INVALID'],
    ['facts.v|cidr: host', 'SIGMA_INVALID'],
    ['facts.v|exists: maybe', 'SIGMA_INVALID'],
    ['facts.v|expand: "%unknown%"', 'SIGMA_REFERENCE'],
    ['facts.v|base64: "a*"', 'SIGMA_INVALID'],
    ["facts.v|re: '(?=a)'", 'SIGMA_REGEX'],
    ["facts.v|re: '(a'", 'SIGMA_REGEX'],
    ["facts.v|re: '(a)\\1'", 'SIGMA_REGEX'],
    ["facts.v|re: '((((a{900}){900}){900}){900})'", 'SIGMA_REGEX'],
    ['"|contains": a', 'SIGMA_UNSUPPORTED'],
  ];
  for (const [item, code] of WRONG)
    it(`refuses ${item}, with its line`, () => {
      const [error] = errorsOf(plainRule(`sel:\n  ${item}\ncondition: sel`));
      assert.equal(error?.code, code);
      assert.equal(error?.line, 6);
    });

  it('sees keywords anywhere in the words of an event', () => {
    assert.deepEqual(errorsOf(plainRule('words:\n  - drop\n  - "a*b"\ncondition: words')), []);
  });
});
