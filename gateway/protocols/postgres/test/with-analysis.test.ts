/** Relay and the real analysis together: the gate decides by actions, whatever way a statement takes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bind, execute, parse, query, SYNC } from '../wire/messages.ts';
import { startAnalysedGateway, type AnalysedGateway } from './analysed-gateway.ts';
import type { TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { rawLogin, type RawClient } from './raw-client.ts';

let analysed: AnalysedGateway;
let gateway: TestGateway;

before(async () => {
  analysed = await startAnalysedGateway();
  ({ gateway } = analysed);
  gateway.decide = (input) =>
    input.actions.some(({ action }) => action === 'drop' || action === 'opaque_code') ? 'deny' : 'allow';
});
after(() => analysed?.stop());

const states = (client: RawClient): string[] => client.errors().map(({ sqlState }) => sqlState);

describe('a drop is denied', () => {
  const ways: [string, (client: RawClient) => Promise<void>][] = [
    [
      'as a query, in any spelling',
      async (client) => {
        client.send(query('/* x */ DrOp\nTABLE kept'));
        await client.ready(1);
      },
    ],
    [
      'in a string of several statements',
      async (client) => {
        client.send(query('select 1; drop table kept; select 2'));
        await client.ready(1);
      },
    ],
    [
      'prepared in the protocol, one pipeline ahead',
      async (client) => {
        client.send(parse('s', 'drop table kept'), SYNC, bind('', 's'), execute(''), SYNC);
        await client.ready(2);
      },
    ],
    [
      'in a DO block',
      async (client) => {
        client.send(query("do $$ begin execute 'dr' || 'op table kept'; end $$"));
        await client.ready(1);
      },
    ],
    [
      'prepared in SQL under a name that the protocol had',
      async (client) => {
        gateway.decide = (input) =>
          /^execute/i.test(input.text) || input.verb === 'execute'
            ? input.actions.some(({ action }) => action === 'truncate' || action === 'opaque_code')
              ? 'deny'
              : 'allow'
            : input.actions.some(({ action }) => action === 'drop')
              ? 'deny'
              : 'allow';
        client.send(parse('s', 'select 1'), SYNC);
        await client.ready(1);
        client.send(query('deallocate s'));
        await client.ready(2);
        // PREPARE takes no DROP; a delete of all stands for what must not run.
        client.send(query('prepare s as delete from kept'));
        await client.ready(3);
        const seen = gateway.sessions.at(-1)!;
        client.send(bind('', 's'), execute(''), SYNC);
        await client.ready(4);
        const last = seen.requests.at(-1)!;
        assert.ok(
          last.input.actions.some(({ action }) => action === 'delete' || action === 'opaque_code'),
          JSON.stringify(last.input.actions),
        );
        client.send(query('drop table kept'));
        await client.ready(5);
      },
    ],
  ];
  for (const [name, way] of ways)
    it(name, async () => {
      const setup = await rawLogin(gateway);
      setup.send(query('create table if not exists kept (i int)'));
      await setup.ready(1);
      setup.socket.destroy();
      const client = await rawLogin(gateway);
      await way(client);
      assert.ok(states(client).includes('42501'), states(client).join());
      client.socket.destroy();
      const check = await rawLogin(gateway);
      check.send(query("select to_regclass('kept')::text"));
      await check.ready(1);
      assert.match(check.messages.find(({ type }) => type === 'D')!.body.toString(), /kept/);
      check.socket.destroy();
    });
});

describe('secrets', () => {
  it('reach the target, and neither event nor recording', async () => {
    gateway.decide = () => 'allow';
    for (const send of [
      (sql: string) => [query(sql)],
      (sql: string) => [parse('', sql), bind('', ''), execute(''), SYNC],
    ]) {
      const client = await rawLogin(gateway);
      const seen = gateway.sessions.at(-1)!;
      client.send(...send("create role secretive login password 'hunter2-of-the-tests'"));
      await client.ready(1);
      assert.deepEqual(client.errors(), []);
      assert.doesNotMatch(JSON.stringify(seen.requests.map(({ input }) => input.text)), /hunter2/);
      assert.ok(seen.recorded.some(({ stream }) => stream === 'in'));
      for (const { bytes } of seen.recorded) assert.doesNotMatch(bytes.toString('latin1'), /hunter2/);
      client.send(query('drop role secretive'));
      await client.ready(2);
      client.socket.destroy();
    }
  });

  it('a recording that asks to wait stops both sides, and goes on', async () => {
    let release: (() => void) | undefined;
    const client = await rawLogin(gateway);
    const seen = gateway.sessions.at(-1)!;
    gateway.recordingBlocked = new Promise((resolve) => {
      release = resolve;
    });
    client.send(query("select repeat('x', 1000) from generate_series(1, 20000)"));
    await until('it was sent', () => seen.requests.length > 0);
    let rounds = 0;
    await until('some time has passed', () => (rounds += 1) > 40);
    const recorded = seen.recorded.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.ok(recorded < 1024 * 1024, `${recorded} bytes ran ahead`);
    gateway.recordingBlocked = undefined;
    release!();
    await client.ready(1);
    assert.equal(client.messages.filter(({ type }) => type === 'D').length, 20_000);
    client.socket.destroy();
  });
});
