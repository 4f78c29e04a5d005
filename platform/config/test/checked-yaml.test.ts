import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Type from 'typebox';
import { formatProblem, readCheckedYaml } from '../checked-yaml.ts';
import { applyEnvironment } from '../environment.ts';

const schema = Type.Object(
  {
    gateway: Type.Object(
      {
        durability: Type.Union([Type.Literal('process'), Type.Literal('power')], { default: 'process' }),
        spoolBytesMax: Type.Integer({ minimum: 1, default: 10 }),
        hosts: Type.Array(Type.String(), { default: [] }),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
);
const problems = (text: string): string[] => {
  const checked = readCheckedYaml('c.yaml', text, schema);
  assert.equal(checked.ok, false);
  return checked.ok ? [] : checked.problems.map(formatProblem);
};

describe('checked YAML', () => {
  it('fills in defaults', () => {
    assert.deepEqual(readCheckedYaml('c.yaml', '', schema), {
      ok: true,
      value: { gateway: { durability: 'process', spoolBytesMax: 10, hosts: [] } },
    });
  });
  it('names file, line and reason of each mistake', () => {
    assert.deepEqual(problems('# a comment\ngateway:\n  spoolBytesMax: 0\n  durability: never\n'), [
      'c.yaml:4: gateway.durability: must be one of "process", "power"',
      'c.yaml:3: gateway.spoolBytesMax: must be >= 1',
    ]);
    assert.deepEqual(problems('gateway:\n  hosts: [a]\n  spoolbytes: 3\n'), [
      'c.yaml:3: gateway.spoolbytes: no such field',
    ]);
    assert.deepEqual(problems('gateway:\n  hosts:\n    - a\n    - 4\n'), [
      'c.yaml:4: gateway.hosts.1: must be string',
    ]);
  });
  it('names the line of broken YAML', () => {
    assert.match(problems('gateway:\n  a: b: c\n')[0]!, /^c\.yaml:2: /);
  });
  it('lets the environment win', () => {
    const amended = applyEnvironment(
      { gateway: { durability: 'process' } },
      { COUNTERSIGN_GATEWAY__SPOOL_BYTES_MAX: '77', COUNTERSIGN_GATEWAY__DURABILITY: 'power', HOME: 'x' },
    );
    assert.deepEqual(amended, { gateway: { durability: 'power', spoolBytesMax: 77 } });
  });
});
