import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isComplete } from '../sql/complete.ts';

describe('cli: where a statement ends', () => {
  for (const [text, complete] of [
    ['select 1;', true],
    ['select 1;  -- done\n', true],
    ['select 1; /* a /* nested */ comment */ ', true],
    ['select 1', false],
    ['', false],
    ['-- only;', false],
    ["select ';'", false],
    ["select ';';", true],
    ["select 'it''s;", false],
    ["select 'it''s';", true],
    ["select 'back\\';", true],
    ["select E'back\\';", false],
    ["select e'back\\'';", true],
    ["select name'x\\';", true],
    ['select "a;', false],
    ['select "a;";', true],
    ['do $$ begin null;', false],
    ['do $$ begin null; end $$;', true],
    ['do $tag$ $$; $$ $tag$;', true],
    ['do $tag$ ; $other$;', false],
    ['select $1;', true],
    ['select a$b$c;', true],
    ['select 1; select 2', false],
    ['/* never ends ;', false],
  ] as const)
    it(JSON.stringify(text), () => assert.equal(isComplete(text), complete));
});
