import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { redactTokens } from '../redact-tokens.ts';
import { makeToken, tokenIdOf } from '../token-format.ts';

test('a token keeps its public id and loses its secret, also in capitals, in the middle, and cut off', () => {
  const random = createSeededRandom(3);
  const tokenId = tokenIdOf(random.uuidv7(1));
  const token = makeToken(tokenId, (length) => random.bytes(length));
  const secret = token.slice(31, 63);
  for (const text of [
    token,
    `user ${token} failed`,
    token.toUpperCase(),
    token.slice(0, 45),
    `${token}${token}`,
  ]) {
    const redacted = redactTokens(text);
    assert.match(redacted, new RegExp(tokenId, 'i'));
    assert.doesNotMatch(redacted, new RegExp(secret.slice(0, 10), 'i'));
  }
  for (const text of ['', 'cst_', 'a plain text', `cst_${'a'.repeat(60)}`])
    assert.equal(redactTokens(text), text);
});
