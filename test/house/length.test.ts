import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSources } from './sources.ts';

const LINES_MAX = 250;
const TEST_LINES_MAX = 500;
/** Even a file with a reason. */
const EXCEPTION_LINES_MAX = 450;

/** Sources over the limit, and why they are not in pieces. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'gateway/control/control-writer.ts':
    'each record kind is written in the same transaction by the same steps',
  'gateway/protocols/postgres/analysis/data/builtin-functions.ts': 'a table',
  'gateway/protocols/postgres/login/client-login.ts': 'one conversation, from the first byte to ready',
  'gateway/protocols/postgres/relay/downstream.ts': 'one state machine: what the client sends',
  'gateway/protocols/postgres/relay/extended-query.ts':
    'one state machine: what a pipeline has prepared and bound',
  'gateway/protocols/postgres/relay/relay.ts':
    'joins the two directions; what is shared between them stands here',
  'gateway/protocols/postgres/relay/upstream.ts': 'one state machine: what the target answers',
  'gateway/protocols/postgres/target/login.ts': 'one conversation, from dialling to ready',
  'gateway/protocols/ssh/channels/session-channel.ts': 'the life of one channel in order',
  'gateway/protocols/ssh/login/client-login.ts': 'one conversation, from the first byte to the session',
  'gateway/recording/spool.ts': 'order of write, flush, drain and trim is one argument',
  'gateway/sessions/create-sessions.ts': 'the life of a session in order',
  'gateway/sessions/request-gate.ts': 'all that stands between a request and the target, in order',
  'main/installation.ts': 'the order in which everything starts and stops',
};
const GENERATED = new Set(['schemas/types.ts']);

describe('house: length', () => {
  const lengths = readSources().map(({ path, text, isTest }) => ({
    path,
    isTest,
    lines: text.split('\n').length - 1,
  }));
  const over = lengths
    .filter(({ path, isTest, lines }) => {
      if (GENERATED.has(path)) return false;
      if (EXCEPTIONS[path] !== undefined) return lines > EXCEPTION_LINES_MAX;
      return lines > (isTest ? TEST_LINES_MAX : LINES_MAX);
    })
    .map(({ path, lines }) => `${path}: ${lines}`);

  it('files are short, or say why not', () => assert.deepEqual(over, []));

  it('most sources have under 200 lines', () => {
    const sources = lengths.filter(({ isTest }) => !isTest);
    assert.ok(sources.length > 100);
    const short = sources.filter(({ lines }) => lines < 200);
    assert.ok(short.length / sources.length > 0.9, `${short.length} of ${sources.length}`);
  });

  it('reasons are of files that exist', () => {
    const paths = new Set(lengths.map(({ path }) => path));
    assert.deepEqual(
      [...Object.keys(EXCEPTIONS), ...GENERATED].filter((path) => !paths.has(path)),
      [],
    );
  });
});
