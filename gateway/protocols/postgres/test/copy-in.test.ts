/** COPY from the client, and what is sent in one write with it: the target swallows a Sync or answers it, and the gateway must know which. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bind, execute, message, parse, query, SYNC } from '../wire/messages.ts';
import { startAnalysedGateway, type AnalysedGateway } from './analysed-gateway.ts';
import { rawLogin } from './raw-client.ts';

const ROUNDS = 20;
const copyData = (text: string): Buffer => message(0x64, Buffer.from(text));
const close = (name: string): Buffer => message(0x43, Buffer.from(`S${name}\0`));

let analysed: AnalysedGateway;

before(async () => {
  analysed = await startAnalysedGateway();
});
after(() => analysed?.stop());

describe('copy in and a Sync in one write', () => {
  for (const [way, copy] of [
    ['extended', Buffer.concat([parse('', 'copy numbers from stdin'), bind('', ''), execute('')])],
    ['simple', query('copy numbers from stdin')],
  ] as const)
    it(`${way}: what is prepared behind a COPY that failed is what is decided when it runs`, async () => {
      const client = await rawLogin(analysed.gateway);
      client.send(query('create temp table numbers (n int)'));
      await client.ready(1);
      let readies = 1;
      for (let round = 0; round < ROUNDS; round += 1) {
        client.send(parse('n', "select 'old'"), SYNC, copy, copyData('x\n'), SYNC);
        // In the simple protocol the COPY's own end is a ReadyForQuery, too.
        readies += way === 'simple' ? 3 : 2;
        await client.ready(readies);
        client.send(close('n'), parse('n', "select 'new'"), SYNC);
        client.send(bind('', 'n'), execute(''), SYNC, close('n'), SYNC);
        readies += 3;
        await client.ready(readies);
        const row = client.messages.findLast(({ type }) => type === 'D')!.body.toString('latin1');
        const { requests } = analysed.gateway.sessions.at(-1)!;
        const ran = requests.findLast(({ input }) => input.verb === 'execute')!.input.text;
        assert.ok(row.endsWith('new'), row);
        assert.equal(ran, "select 'new'");
      }
      assert.equal(client.errors().length, ROUNDS);
      client.socket.destroy();
    });
});
