/** The same statements and conversations direct and through the gateway: answers the same to the byte, but for docs/postgres.md. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EXTENDED_SCRIPTS } from './scripts/extended-scripts.ts';
import { OTHER_SCRIPTS } from './scripts/other-scripts.ts';
import { SQL_STATEMENTS } from './scripts/sql-statements.ts';
import { TYPE_STATEMENTS } from './scripts/type-statements.ts';
import { lines } from './support/compare.ts';
import { extended, query } from './support/frontend.ts';
import { startPair, type Pair } from './support/pair.ts';
import { openSession, type Answer, type Endpoint, type RawSession } from './support/raw-session.ts';
import type { Script } from './support/script.ts';

const SCHEMA = 'drop schema if exists s cascade; create schema s authorization app';

const FORMS = {
  'simple query': (sql: string) => query(sql),
  'extended query, text': (sql: string) => extended(sql),
  'extended query, binary': (sql: string) => extended(sql, { resultFormats: [1] }),
} as const;

/** What each statement of a list is answered, in one session; a statement that ends the session ends the list. */
async function answersTo(
  endpoint: Endpoint,
  statements: readonly string[],
  form: (sql: string) => Buffer,
): Promise<Answer[][]> {
  const session = await openSession(endpoint);
  const answers: Answer[][] = [];
  for (const sql of statements) {
    session.send(form(sql));
    answers.push(await session.until('Z'));
  }
  session.close();
  return answers;
}

async function converse(endpoint: Endpoint, script: Script): Promise<Answer[]> {
  const opened: RawSession[] = [];
  const open = async (): Promise<RawSession> => {
    const session = await openSession(endpoint);
    opened.push(session);
    return session;
  };
  const answers = await script.run({ session: await open(), open });
  for (const session of opened) session.close();
  return answers;
}

describe('transparency', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair();
  });
  after(() => pair.stop());

  it('has at least 300 statements and 70 conversations', () => {
    assert.ok(SQL_STATEMENTS.length + TYPE_STATEMENTS.length >= 300);
    assert.ok(EXTENDED_SCRIPTS.length + OTHER_SCRIPTS.length >= 70);
  });

  for (const [list, statements] of [
    ['statements', SQL_STATEMENTS],
    ['types', TYPE_STATEMENTS],
  ] as const) {
    for (const [name, form] of Object.entries(FORMS)) {
      it(`${list}: ${name}`, async () => {
        await pair.admin(SCHEMA);
        const direct = await answersTo(pair.direct, statements, form);
        await pair.admin(SCHEMA);
        const through = await answersTo(pair.through, statements, form);
        statements.forEach((sql, index) =>
          assert.deepEqual(lines(through[index]!), lines(direct[index]!), `${index}: ${sql}`),
        );
      });
    }
  }

  for (const script of [...EXTENDED_SCRIPTS, ...OTHER_SCRIPTS]) {
    it(script.name, async () => {
      if (script.before !== undefined) await pair.admin(script.before);
      const direct = await converse(pair.direct, script);
      if (script.before !== undefined) await pair.admin(script.before);
      const through = await converse(pair.through, script);
      assert.ok(direct.length > 0);
      assert.deepEqual(lines(through), lines(direct));
    });
  }

  describe('login', () => {
    const LOGINS = {
      'protocol 3.0': { version: 0x30000 },
      'protocol 3.2': { version: 0x30002 },
      'a newer minor version is negotiated down': { version: 0x30009 },
      'protocol options that nobody knows': {
        version: 0x30000,
        parameters: { '_pq_.one': '1', '_pq_.two': '2' },
      },
      'parameters of the client': {
        parameters: {
          application_name: 'teller',
          datestyle: 'German',
          timezone: 'Asia/Tokyo',
          client_encoding: 'LATIN1',
        },
      },
      'options of the client': {
        parameters: { options: '-c search_path=pg_catalog -c intervalstyle=iso_8601' },
      },
    } as const;
    for (const [name, options] of Object.entries(LOGINS)) {
      it(name, async () => {
        const direct = await openSession(pair.direct, options);
        const through = await openSession(pair.through, options);
        // The key is the gateway's own; as long as the target's.
        const shape = (answers: readonly Answer[]): string[] =>
          lines(
            answers.map((one) =>
              one.type === 'K' ? { type: 'K', body: Buffer.alloc(one.body.length) } : one,
            ),
          );
        assert.deepEqual(shape(through.login), shape(direct.login));
        direct.close();
        through.close();
      });
    }
  });
});
