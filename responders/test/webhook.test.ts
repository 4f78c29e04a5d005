import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createJsonClient } from '../http/json-client.ts';
import { openIncident } from '../incidents/incident-change.ts';
import { createNotifiers } from '../notifiers/registry.ts';
import { readWebhookSecret } from '../notifiers/webhook.ts';
import { HARMLESS } from '../playbooks/run-cases.ts';

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

describe('webhook notifier', { timeout: 30_000 }, () => {
  it('refuses a secret that is none, without showing it', () => {
    for (const wrong of ['short', 'whsec_AAAA', `x${secret}`])
      assert.throws(
        () => readWebhookSecret('pager', wrong),
        (error: Error) => /pager/.test(error.message) && !error.message.includes(wrong),
      );
  });

  it('posts what the receiver can verify, and says what may pass and what not', async (t) => {
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    let status = 204;
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      request.on('end', () => {
        seen.push({ headers: request.headers, body });
        response.writeHead(status).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const clock = createSystemClock();
    const http = createJsonClient(clock, { timeoutMs: 5000 });
    t.after(() => {
      http.close();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const notifiers = await createNotifiers(
      { http, clock, log: silentLogger, readSecret: () => Promise.resolve(secret) },
      [{ name: 'pager', kind: 'webhook', url, secret: { env: 'X' } }],
    );
    assert.deepEqual(notifiers.names(), ['log', 'pager']);
    const notification = { id: 'key-1', playbook: 'p', reason: 'r', incident: openIncident(HARMLESS, 1) };
    const send = () => notifiers.send('pager', notification, new AbortController().signal);
    assert.deepEqual(await send(), { ok: true });
    const { headers, body } = seen[0]!;
    assert.equal(headers['webhook-id'], 'key-1');
    const signed = `${headers['webhook-id']}.${String(headers['webhook-timestamp'])}.${body}`;
    const expected = createHmac('sha256', Buffer.alloc(24, 7)).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${expected}`);
    assert.equal((JSON.parse(body) as { data: { link?: string } }).data.link, undefined);
    const linked = await createNotifiers(
      {
        http,
        clock,
        log: silentLogger,
        readSecret: () => Promise.resolve(secret),
        incidentLink: ({ incidentId }) => `https://kibana.example/${incidentId}`,
      },
      [{ name: 'pager', kind: 'webhook', url, secret: { env: 'X' } }],
    );
    assert.deepEqual(await linked.send('pager', notification, new AbortController().signal), { ok: true });
    assert.equal(
      (JSON.parse(seen[1]!.body) as { data: { link?: string } }).data.link,
      `https://kibana.example/${notification.incident.incidentId}`,
    );
    status = 503;
    assert.deepEqual(await send(), { ok: false, reason: 'HTTP 503', passing: true });
    status = 410;
    assert.deepEqual(await send(), { ok: false, reason: 'HTTP 410', passing: false });
    server.closeAllConnections();
    server.close();
    const gone = await send();
    assert.equal(!gone.ok && gone.passing, true);
  });
});
