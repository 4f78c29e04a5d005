/** Which columns of a relation a command is taken to touch: never fewer than it does; none says that they are not known. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createHmac } from 'node:crypto';
import { createSystemClock } from '../../../../../platform/clock/system-clock.ts';
import { createAnalyser, type OwnedAnalyser } from '../create-analyser.ts';

const STAR = ['*'];
const UNKNOWN: readonly string[] = [];
/** Statement, then the columns of hr.staff; several actions on it in their order. */
const CASES: readonly [string, ...(readonly string[])[]][] = [
  ['select salary from hr.staff', ['salary']],
  ['select U&"sal\\0061ry" from hr.staff', ['salary']],
  ['select * from hr.staff', STAR],
  ['table hr.staff', STAR],
  ['select s.* from hr.staff s', STAR],
  ['select s from hr.staff s', ['*', 's']],
  ['select (s).salary from hr.staff s', ['*', 's']],
  ['select to_json(staff) from hr.staff', ['*', 'staff']],
  ['select hr.staff from hr.staff', STAR],
  ['select c from hr.staff as s(a, b, c)', UNKNOWN],
  ['select id from hr.staff union select c from hr.staff as s(a, b, c)', UNKNOWN],
  ['select id from hr.staff; select c from hr.staff s(a, b, c)', UNKNOWN],
  ['select id from hr.staff; select salary from hr.staff', ['id', 'salary']],
  ["select name from hr.staff where exists (select 1 where salary > 'a')", ['name', 'salary']],
  ['select name from hr.staff where id in (select o.id from public.orders o)', ['name', 'id']],
  ['select name from hr.staff order by salary', ['name', 'salary']],
  ['select name from hr.staff window w as (order by salary)', ['name', 'salary']],
  ['select count(*) from hr.staff', UNKNOWN],
  ['select name from hr.staff natural join public.pay', UNKNOWN],
  ['update hr.staff set name = salary where id = 1', ['name', 'salary', 'id']],
  ['update hr.staff set name = name where id = 1 returning salary', ['name', 'id', 'salary']],
  [
    'update hr.staff s set name = c from public.orders where s.id = 1 returning s',
    ['name', 'c', 'id', '*', 's'],
  ],
  ['delete from hr.staff where id = 1 returning salary', UNKNOWN],
  ['insert into hr.staff (id, name) values (1, 2) returning salary', ['id', 'name', 'salary']],
  ['insert into hr.staff values (1, 2) returning id', UNKNOWN],
  [
    'insert into hr.staff (id) values (1) on conflict (id) do update set name = staff.salary',
    ['id', 'salary'],
  ],
  ['copy hr.staff (salary) to stdout', ['salary'], ['salary']],
  ['copy hr.staff to stdout', UNKNOWN, UNKNOWN],
];

describe('columns of a command', () => {
  let analyser: OwnedAnalyser;
  before(async () => {
    analyser = await createAnalyser({
      clock: createSystemClock(),
      hmac: (secret) => createHmac('sha256', 'key').update(secret).digest(),
    });
  });
  after(() => analyser.close());

  for (const [sql, ...expected] of CASES)
    it(sql, async () => {
      const settings = {
        searchPath: 'public',
        role: null,
        standardConformingStrings: true,
        clientEncoding: 'UTF8',
      };
      const { actions } = await analyser.analyse(sql, settings, analyser.createSession());
      const found = actions.filter(({ object }) => object === 'hr.staff').map(({ columns }) => columns);
      assert.deepEqual(found, expected);
    });
});
