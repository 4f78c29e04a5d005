/** A target that lies: the gateway must neither crash nor keep what it is told to expect. */
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { authentication, backendKeyData, message, readyForQuery } from '../wire/messages.ts';
import { rawLogin } from './raw-client.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

let server: Server;
let gateway: TestGateway;
/** What the target says after the login, to the first command. */
let answer: Buffer;

/** Instead of an answer. */
let endless: ((socket: Socket) => void) | undefined;

/** DataRow of text fields. */
function row(...fields: string[]): Buffer {
  const parts = [Buffer.from([0, fields.length])];
  for (const field of fields) {
    const length = Buffer.alloc(4);
    length.writeInt32BE(field.length);
    parts.push(length, Buffer.from(field));
  }
  return message(0x44, Buffer.concat(parts));
}

function serve(socket: Socket): void {
  let turn = 0;
  socket.on('error', () => {});
  socket.on('data', () => {
    turn += 1;
    if (turn === 1)
      socket.write(
        Buffer.concat([authentication(0), backendKeyData(7, Buffer.alloc(4, 1)), readyForQuery('I')]),
      );
    else if (turn === 2)
      socket.write(Buffer.concat([row('7', '1764000000.5', 'public', 'none'), readyForQuery('I')]));
    else if (endless === undefined) socket.end(answer);
    else endless(socket);
  });
}

before(async () => {
  server = createServer(serve);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  gateway = await startGateway({
    target: { host: '127.0.0.1', port },
    credential: { username: 'u', password: 'p' },
    options: { connectTimeoutMs: 500 },
  });
});
after(async () => {
  await gateway.stop();
  server.close();
});

async function ask(said: Buffer): Promise<void> {
  answer = said;
  const client = await rawLogin(gateway);
  const seen = gateway.sessions.at(-1)!;
  client.send(message(0x51, Buffer.from('select 1\0')));
  await until('the session is closed', () => seen.closes.length === 1 && client.closed);
  assert.equal(seen.requests.length, 1);
  assert.equal(seen.requests[0]!.responses.length, 1);
}

describe('a hostile target', () => {
  it('that announces 2 GB, sends nonsense or rows without end of them, ends its session only', async () => {
    await ask(Buffer.from([0x43, 0x7f, 0xff, 0xff, 0xff]));
    await ask(Buffer.from([0x01, 0, 0, 0, 4]));
    await ask(Buffer.from([0x44, 0x3f, 0, 0, 0, 1, 2, 3]));
    await ask(Buffer.concat([readyForQuery('I'), readyForQuery('I'), message(0x31, Buffer.alloc(0))]));
    await ask(message(0x45, Buffer.from('Sxx')));
    await ask(message(0x53, Buffer.from('client_encoding\0SJIS\0')));
  });

  it('that sends rows that do not fit their description is passed on as it is: the client decides', async () => {
    const field = message(0x54, Buffer.concat([Buffer.from([0, 1]), Buffer.from('a\0'), Buffer.alloc(18)]));
    const lying = Buffer.from([0, 1, 0, 0, 0x7f, 0xff, 1, 2, 3]);
    const answers = [
      Buffer.concat([
        field,
        row('1', '2', '3'),
        row(),
        message(0x43, Buffer.from('SELECT 2\0')),
        readyForQuery('I'),
      ]),
      Buffer.concat([
        field,
        message(0x44, lying),
        message(0x43, Buffer.from('SELECT 1\0')),
        readyForQuery('I'),
      ]),
      // Rows that nothing announced, and more of them than the tag says.
      Buffer.concat([row('1'), row('2'), message(0x43, Buffer.from('SELECT 0\0')), readyForQuery('I')]),
      Buffer.concat([message(0x43, Buffer.from('SELECT 99999999999999999999\0')), readyForQuery('I')]),
    ];
    for (const said of answers) {
      answer = said;
      const client = await rawLogin(gateway);
      const seen = gateway.sessions.at(-1)!;
      client.send(message(0x51, Buffer.from('select 1\0')));
      await until('the session is closed', () => seen.closes.length === 1 && client.closed);
      const got = Buffer.concat(client.messages.map(({ type, body }) => message(type.charCodeAt(0), body)));
      assert.deepEqual(got.subarray(0, said.length), said);
      const [response] = seen.requests[0]!.responses;
      assert.ok(Number.isSafeInteger(response!.rows) && response!.rows >= 0);
    }
  });

  it('that sends notices without end is read no faster than its client reads, and can be ended', async () => {
    const notice = message(0x4e, Buffer.from(`SNOTICE\0VNOTICE\0C00000\0M${'x'.repeat(60_000)}\0\0`));
    let sent = 0;
    let stalled = false;
    endless = (socket) => {
      const go = (): void => {
        while (!socket.destroyed) {
          sent += notice.length;
          if (!socket.write(notice)) {
            stalled = true;
            socket.once('drain', () => {
              stalled = false;
              go();
            });
            return;
          }
        }
      };
      go();
    };
    const client = await rawLogin(gateway);
    const seen = gateway.sessions.at(-1)!;
    client.socket.pause();
    client.send(message(0x51, Buffer.from('select 1\0')));
    // Nobody reads: at some time nothing moves any more.
    let last = -1;
    await until('it stands still', async () => {
      const before = last;
      last = sent;
      await createSystemClock().sleep(100);
      return stalled && sent === last && before === last;
    });
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`);
    seen.end();
    await until('the session is closed', () => seen.closes.length === 1);
    endless = undefined;
    client.socket.destroy();
  });

  it('that says anything at all does not bring the gateway down', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            type: fc.constantFrom(...Buffer.from('RKCDdcGHWEIVvnNAtSZ123sT')),
            body: fc.uint8Array({ maxLength: 30 }),
          }),
          { maxLength: 8 },
        ),
        (messages) => ask(Buffer.concat(messages.map(({ type, body }) => message(type, Buffer.from(body))))),
      ),
      { seed: 20261124, numRuns: 25 },
    );
  });
});
