/** pgbouncer in front of the gateway and behind it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPgbouncer, type Pgbouncer } from '../../bench/support/pgbouncer.ts';
import {
  startGateway,
  TOKEN,
  USER,
  type TestGateway,
} from '../../gateway/protocols/postgres/test/gateway.ts';
import { until } from '../support/until.ts';
import { REQUEST_CODES } from '../../gateway/protocols/postgres/wire/message-types.ts';
import { cancelRequest, int32 } from '../../gateway/protocols/postgres/wire/messages.ts';
import { lacking } from '../servers/available.ts';
import { startPair, type Pair } from './support/pair.ts';
import type { Endpoint } from './support/raw-session.ts';

/** A client that hangs must not hang the suite. */
const RUN_MS_MAX = 120_000;

const pgbench = (
  { host, port, user, password, database }: Endpoint,
  words: readonly string[],
): Promise<{ out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', PGPASSWORD: password, PGSSLMODE: 'disable' };
    const all = ['-h', host, '-p', String(port), '-U', user, ...words, database];
    execFile('pgbench', all, { env, timeout: RUN_MS_MAX }, (_error, out, err) => resolve({ out, err }));
  });

const ask = async (endpoint: Endpoint, ...texts: readonly string[]): Promise<unknown[][]> => {
  const client = new pg.Client(endpoint);
  await client.connect();
  try {
    const answers: unknown[][] = [];
    for (const text of texts) answers.push((await client.query({ text, rowMode: 'array' })).rows.flat());
    return answers;
  } finally {
    await client.end();
  }
};

describe('poolers', { skip: lacking('pgbouncer', 'pgbench') }, () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair();
    const made = await pgbench(pair.direct, ['-i', '-q', '-s', '1']);
    assert.match(made.err, /done/);
  });
  after(() => pair.stop());

  for (const mode of ['session', 'transaction'] as const)
    describe(`in front, pooling by ${mode}`, () => {
      let pooler: Pgbouncer;
      let endpoint: Endpoint;
      before(async () => {
        pooler = await startPgbouncer(pair.through, mode);
        endpoint = { ...pair.through, port: pooler.endpoint.port };
      });
      after(() => pooler.stop());

      it('runs pgbench in every mode, and its connections are sessions of the gateway', async () => {
        const seen = pair.gateway.sessions.length;
        for (const protocol of mode === 'session'
          ? ['simple', 'extended', 'prepared']
          : ['simple', 'extended']) {
          const ran = await pgbench(endpoint, ['-n', '-M', protocol, '-c', '8', '-t', '20']);
          assert.match(ran.out, /number of transactions actually processed: 160\/160/, ran.err);
          assert.match(ran.out, /number of failed transactions: 0/);
        }
        const opened = pair.gateway.sessions.slice(seen);
        assert.ok(opened.length > 0 && opened.length <= 24, String(opened.length));
        const texts = opened.flatMap(({ requests }) => requests.map(({ input }) => input.text));
        assert.ok(texts.filter((text) => text.startsWith('UPDATE pgbench_accounts')).length >= 320);
      });

      it('gets a denial as an error, and the connection goes on to serve', async () => {
        pair.gateway.decide = ({ text }) => (text.includes('orders') ? 'deny' : 'allow');
        await assert.rejects(ask(endpoint, 'select * from orders'), /denied by policy/);
        pair.gateway.decide = () => 'allow';
        assert.deepEqual(await ask(endpoint, 'select count(*)::int from customers'), [[5000]]);
      });

      it('cancels through both', async () => {
        const client = new pg.Client(endpoint);
        await client.connect();
        const asked = client.query('select pg_sleep(100)');
        await until('it runs', () =>
          pair.gateway.sessions.some(({ requests }) =>
            requests.some(
              ({ input, responses }) => input.text.includes('pg_sleep') && responses.length === 0,
            ),
          ),
        );
        const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
        const socket = connect(endpoint.port, endpoint.host);
        socket.on('error', () => undefined);
        // Not ended: pgbouncer drops the request of a client that is gone already.
        socket.write(cancelRequest(REQUEST_CODES.cancel, processID, int32(secretKey)));
        await assert.rejects(asked, /canceling statement due to user request/);
        assert.deepEqual((await client.query({ text: 'select 1', rowMode: 'array' })).rows, [[1]]);
        await client.end();
      });
    });

  describe('behind, pooling by session', () => {
    let pooler: Pgbouncer;
    let gateway: TestGateway;
    let endpoint: Endpoint;
    before(async () => {
      pooler = await startPgbouncer(pair.direct);
      gateway = await startGateway({
        target: pooler.endpoint,
        credential: { username: pair.direct.user, password: pair.direct.password },
        options: { database: pair.direct.database, sslMode: 'disable', clientCheckIntervalMs: 0 },
      });
      endpoint = { host: gateway.host, port: gateway.port, user: USER, password: TOKEN, database: 'main' };
    });
    after(async () => {
      await gateway.stop();
      await pooler.stop();
    });

    it('serves the same answers, and pgbench', async () => {
      const texts = [
        'select id, name from customers order by id limit 20',
        'select count(*)::int from orders',
      ];
      assert.deepEqual(await ask(endpoint, ...texts), await ask(pair.direct, ...texts));
      const ran = await pgbench(endpoint, ['-n', '-M', 'prepared', '-c', '4', '-t', '20']);
      assert.match(ran.out, /number of transactions actually processed: 80\/80/, ran.err);
    });

    it('a killed session ends what runs in the server behind the pooler', async () => {
      const client = new pg.Client(endpoint);
      client.on('error', () => undefined);
      await client.connect();
      const [[pid]] = (await client.query({ text: 'select pg_backend_pid()', rowMode: 'array' })).rows as [
        [number],
      ];
      const running = client.query('select pg_sleep(100)').catch((error: unknown) => error);
      await until('it runs', () => gateway.sessions.at(-1)!.requests.length === 2);
      gateway.sessions.at(-1)!.end();
      assert.ok((await running) instanceof Error);
      const ended = async (): Promise<boolean> => {
        const [[count]] = (await ask(
          pair.direct,
          `select count(*)::int from pg_stat_activity where pid = ${pid} and query like '%pg_sleep%' and state = 'active'`,
        )) as [[number]];
        return count === 0;
      };
      while (!(await ended()));
    });
  });
});
