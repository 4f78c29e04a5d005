import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { generate } from 'selfsigned';
import { createManualClock } from '../../clock/manual-clock.ts';
import { createSystemClock } from '../../clock/system-clock.ts';
import { createHttpCaller, failureText, type HttpCallerConfig } from '../http-caller.ts';
import { readTlsFiles } from '../tls-files.ts';

const LIMITS: HttpCallerConfig = { timeoutMs: 20_000, answerBytesMax: 1000, connectionsMax: 2 };

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Runs `work` with a server that answers so. */
async function served(
  answer: RequestListener,
  work: (url: string, server: Server) => Promise<void>,
): Promise<void> {
  const server = createServer(answer);
  const port = await listen(server);
  try {
    await work(`http://127.0.0.1:${port}/path?a=b`, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const caller = (config: Partial<HttpCallerConfig> = {}) =>
  createHttpCaller(createSystemClock(), { ...LIMITS, ...config });

describe('platform: HTTP calls', () => {
  it('sends method, headers and body, and gives status, headers and body back, over one kept connection', async () => {
    const heard: unknown[] = [];
    const ports = new Set<number | undefined>();
    await served(
      (request, response) => {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece));
        request.on('end', () => {
          const { 'x-test': test, 'content-length': length } = request.headers;
          heard.push([request.method, request.url, test, length, Buffer.concat(pieces).toString()]);
          ports.add(request.socket.remotePort);
          response.writeHead(418, { etag: '"7"' }).end('tea');
        });
      },
      async (url) => {
        const http = caller();
        for (const given of [{}, { body: 'grün' }, { method: 'PUT', body: Buffer.from('x') }]) {
          const answer = await http.call(url, { headers: { 'x-test': 'yes' }, ...given });
          assert.ok(answer.ok);
          assert.deepEqual([answer.status, answer.headers.etag, answer.body.toString()], [418, '"7"', 'tea']);
        }
        http.close();
      },
    );
    assert.deepEqual(heard, [
      ['GET', '/path?a=b', 'yes', undefined, ''],
      ['POST', '/path?a=b', 'yes', '5', 'grün'],
      ['PUT', '/path?a=b', 'yes', '1', 'x'],
    ]);
    assert.equal(ports.size, 1);
  });

  it('a redirect is an answer', () =>
    served(
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      async (url) => {
        const http = caller();
        const answer = await http.call(url);
        assert.ok(answer.ok && answer.status === 302);
        http.close();
      },
    ));

  it('takes an answer up to its bound, and no byte more', () =>
    served(
      (request, response) => response.end('x'.repeat(Number(request.headers['x-bytes']))),
      async (url) => {
        const http = caller();
        const whole = await http.call(url, { headers: { 'x-bytes': '1000' } });
        assert.ok(whole.ok && whole.body.length === 1000);
        const over = await http.call(url, { headers: { 'x-bytes': '1001' } });
        assert.deepEqual(over, { ok: false, kind: 'large', bytesMax: 1000 });
        assert.equal(failureText(over), 'the answer is over 1000 bytes');
        http.close();
      },
    ));

  it('gives up on a server that does not answer, and hangs up', async () => {
    const clock = createManualClock();
    await served(
      (request) => {
        request.socket.once('close', () => request.emit('hung up'));
        clock.advance(LIMITS.timeoutMs);
      },
      async (url, server) => {
        const heard = once(server, 'request');
        const http = createHttpCaller(clock, LIMITS);
        const answer = await http.call(url);
        assert.deepEqual(answer, { ok: false, kind: 'slow', afterMs: LIMITS.timeoutMs });
        assert.equal(failureText(answer), 'no answer within 20000 ms');
        const [request] = (await heard) as Parameters<RequestListener>;
        if (!request.socket.destroyed) await once(request, 'hung up');
        http.close();
      },
    );
  });

  it('gives up on a connection that does not come, before the time of the whole call', async () => {
    const clock = createManualClock();
    // Takes the socket, and never says a word of TLS.
    const mute = createSocketServer(() => clock.advance(500)).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const http = createHttpCaller(clock, { ...LIMITS, connectTimeoutMs: 500 });
    const answer = await http.call(`https://127.0.0.1:${(mute.address() as AddressInfo).port}/`);
    assert.deepEqual(answer, { ok: false, kind: 'unconnected', afterMs: 500 });
    assert.equal(failureText(answer), 'no connection within 500 ms');
    http.close();
    mute.close();
  });

  it('tells no answer from one that breaks off', () =>
    served(
      (request, response) => {
        if (request.headers['x-part'] === undefined) return request.socket.destroy();
        response.writeHead(200, { 'content-length': '10' });
        return response.write('12345', () => request.socket.destroy());
      },
      async (url, server) => {
        const http = caller();
        const none = await http.call(url);
        assert.ok(!none.ok && none.kind === 'refused' && none.error.code === 'ECONNRESET');
        const part = await http.call(url, { headers: { 'x-part': 'yes' } });
        assert.ok(!part.ok && part.kind === 'broken');
        server.close();
        server.closeAllConnections();
        const refused = await http.call(url);
        assert.ok(!refused.ok && refused.kind === 'refused' && refused.error.code === 'ECONNREFUSED');
        http.close();
      },
    ));

  it('ends a call that is no longer wanted', async () => {
    const unwanted = new AbortController();
    await served(
      () => unwanted.abort(),
      async (url) => {
        const http = caller();
        const answer = await http.call(url, { signal: unwanted.signal });
        assert.ok(!answer.ok && answer.kind === 'refused' && answer.error.name === 'AbortError');
        http.close();
      },
    );
  });

  describe('over TLS', () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-test-http-'));
    const files = { caFile: join(folder, 'ca.crt'), keyFile: join(folder, 'key') };
    let server: Server;
    let url: string;
    before(async () => {
      const names = [{ type: 7 as const, ip: '127.0.0.1' }];
      const made = await generate([{ name: 'commonName', value: 'test' }], {
        keyType: 'ec',
        extensions: [{ name: 'subjectAltName', altNames: names }],
      });
      writeFileSync(files.caFile, made.cert);
      writeFileSync(files.keyFile, made.private);
      const { ca: cert, key } = readTlsFiles(files);
      server = createSecureServer({ cert: cert!, key: key! }, (_, response) => response.end('secret'));
      url = `https://127.0.0.1:${await listen(server)}/`;
    });
    after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    });

    it('takes a certificate of the named authority, and of no other', async () => {
      const [trusting, other] = [caller({ tls: readTlsFiles({ caFile: files.caFile }) }), caller()];
      const answer = await trusting.call(url);
      assert.ok(answer.ok && answer.body.toString() === 'secret');
      const refused = await other.call(url);
      assert.ok(!refused.ok && refused.kind === 'refused');
      assert.match(refused.error.code!, /SELF_SIGNED/);
      trusting.close();
      other.close();
    });

    it('a file that is not there is an error of who reads it', () => {
      assert.throws(() => readTlsFiles({ caFile: join(folder, 'nowhere') }), { code: 'ENOENT' });
      const read = (path: string): string => {
        throw new RangeError(path);
      };
      assert.throws(() => readTlsFiles({ keyFile: 'k' }, read), RangeError);
      assert.deepEqual(readTlsFiles({}, read), {});
    });
  });
});
