/** A target that lies: the gateway must neither crash nor keep what it is told to expect. */
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { authentication, backendKeyData, message, readyForQuery } from '../wire/messages.ts';
import { rawLogin } from './raw-client.ts';
import { startGateway, until, type TestGateway } from './gateway.ts';

let server: Server;
let gateway: TestGateway;
/** What the target says after the login, to the first command. */
let answer: Buffer;

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
    else socket.end(answer);
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
