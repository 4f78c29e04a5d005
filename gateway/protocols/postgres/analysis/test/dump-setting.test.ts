import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createSystemClock } from '../../../../../platform/clock/system-clock.ts';
import { createAnalyser } from '../create-analyser.ts';

const DUMP =
  "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";
const SETTINGS = {
  searchPath: '',
  role: 'none',
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
} as const;

describe('set_config without a constant name', async () => {
  const analyser = await createAnalyser({
    clock: createSystemClock(),
    hmac: () => Buffer.alloc(32),
  });
  after(() => analyser.close());

  it('is let through as pg_dump sends it, and the settings are asked afterwards', async () => {
    const { forcedDenial, actions, risk, changesSessionState } = await analyser.analyse(
      DUMP,
      SETTINGS,
      analyser.createSession(),
    );
    assert.equal(forcedDenial, null);
    assert.deepEqual(
      actions.map(({ action, object }) => [action, object]),
      [['set', 'restrict_nonsystem_relation_kind']],
    );
    assert.equal(risk, 'low');
    assert.equal(changesSessionState, true);
  });

  it('is refused in any other spelling', async () => {
    const others = [
      DUMP.replace('view, foreign-table', 'other'),
      DUMP.replace('restrict_nonsystem_relation_kind', 'role'),
      DUMP.replace('pg_settings', 'my_settings'),
      DUMP.replace('false', 'true'),
      `${DUMP}; select 1`,
      `select 1; ${DUMP}`,
      `${DUMP} or true`,
      DUMP.replace('SELECT', 'select'),
    ];
    for (const sql of others) {
      assert.notEqual(sql, DUMP);
      const { forcedDenial } = await analyser.analyse(sql, SETTINGS, analyser.createSession());
      assert.equal(forcedDenial?.rule, 'set_config', sql);
    }
  });
});
