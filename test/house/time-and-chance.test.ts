import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSources, withoutComments } from './sources.ts';

const FORBIDDEN =
  /\b(Date\.now|new Date\(\)|performance\.now|process\.hrtime|setTimeout|setInterval|setImmediate|Math\.random|randomUUID|randomBytes|randomInt|getRandomValues|AbortSignal\.timeout)\b|\bfrom 'node:timers/g;

/** Places that touch the real ones, and why they must. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'main/launch.mjs': 'runs before anything of ours is there',
  'platform/event-log/embedded/fairness.ts':
    'gives sockets a turn of the event loop; no time passes and nothing is decided by it',
};

describe('house: time and chance', () => {
  it('come only through platform/clock', () => {
    const wrong = readSources()
      .filter(
        ({ path, isTest }) =>
          !isTest && !path.startsWith('platform/clock/') && EXCEPTIONS[path] === undefined,
      )
      .flatMap(({ path, text }) =>
        [...withoutComments(text).matchAll(FORBIDDEN)].map((match) => `${path}: ${match[0]}`),
      );
    assert.deepEqual(wrong, []);
  });

  it('finds what it looks for', () => {
    assert.ok('const a = Date.now();'.match(FORBIDDEN));
  });
});
