/** Why a client does something: in every way that unmodified clients have. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { TOKEN, USER } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { connect, gateway, session } from './running.ts';

const stated = (text: string): { reason: string | null; ticket: string | null } | undefined =>
  gateway.sessions.flatMap(({ requests }) => requests).findLast(({ input }) => input.text === text)?.input
    .stated;

/** psql with an environment. */
function psqlWith(
  environment: Record<string, string>,
  sql: string,
): Promise<{ code: number | null; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(
      'psql',
      ['-X', '-h', gateway.host, '-p', String(gateway.port), '-U', USER, '-d', 'main', '-c', sql],
      { env: { ...process.env, PGPASSWORD: TOKEN, ...environment } },
    );
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.resume();
    child.on('close', (code) => resolve({ code, err }));
  });
}

describe('a stated reason', () => {
  it('stands in PGOPTIONS', async () => {
    const ran = await psqlWith(
      { PGOPTIONS: '-c countersign.ticket=OPS-17 -c countersign.reason=stuck\\ order' },
      "select 'options'",
    );
    assert.deepEqual([ran.code, ran.err], [0, '']);
    assert.deepEqual(stated("select 'options'"), { reason: 'stuck order', ticket: 'OPS-17' });
  });

  it('stands in PGAPPNAME', async () => {
    await psqlWith({ PGAPPNAME: 'psql [ticket: OPS-18] [reason: order 17 is stuck]' }, "select 'name'");
    assert.deepEqual(stated("select 'name'"), { reason: 'order 17 is stuck', ticket: 'OPS-18' });
  });

  it('is set by a statement, which already counts as stated, and taken back', async () => {
    await session(async (client, { requests }) => {
      await client.query("set countersign.reason = 'it''s stuck'");
      assert.deepEqual(requests[0]!.input.stated, { reason: "it's stuck", ticket: null });
      await client.query('select 1');
      assert.deepEqual(requests[1]!.input.stated, { reason: "it's stuck", ticket: null });
      await client.query("SELECT set_config('countersign.ticket', 'OPS-19', false)");
      await client.query('reset countersign.reason');
      await client.query('select 2');
      assert.deepEqual(requests.at(-1)!.input.stated, { reason: null, ticket: 'OPS-19' });
      await client.query("set countersign.ticket to ''");
      assert.deepEqual(requests.at(-1)!.input.stated, { reason: null, ticket: null });
    });
  });

  it('is set by prepared statements, too', async () => {
    await session(async (client, { requests }) => {
      await client.query({ name: 's', text: "set countersign.reason = 'prepared'", values: [] });
      await client.query({ name: 'q', text: 'select $1::int', values: [1] });
      assert.equal(requests.at(-1)!.input.stated?.reason, 'prepared');
    });
  });

  it('is none where the statement does more, or the text is a token', async () => {
    const client = await connect();
    const { requests } = gateway.sessions.at(-1)!;
    await client.query("set countersign.reason = 'x'; select 1");
    await client.query("/* set countersign.reason = 'x' */ select 1");
    assert.ok(requests.every(({ input }) => input.stated === undefined));
    const secret = 'q'.repeat(30);
    await client.query(`set countersign.reason = 'cst_${'0'.repeat(26)}_${secret}'`);
    await until('it is judged', () => requests.length === 3);
    assert.doesNotMatch(JSON.stringify(requests[2]!.input.stated), /qqqq/);
    await client.end();
  });
});
