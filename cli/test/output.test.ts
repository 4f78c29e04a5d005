/** What stands on a terminal must be what was meant. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printable } from '../output.ts';

describe('a command of somebody else on the terminal', () => {
  it('has its lines and tabs; whatever steers the terminal or hides text is written out', () => {
    assert.equal(printable('drop\n\ttable "ähm"'), 'drop\n\ttable "ähm"');
    assert.equal(
      printable('drop table a\r\u001b[2K\u001b[1Aselect 1\u202e\u009b0m\u0000'),
      String.raw`drop table a\u000d\u001b[2K\u001b[1Aselect 1\u202e\u009b0m\u0000`,
    );
  });
});
