/** Responders that reach several gateways: real listeners, one of them dead, slow or draining. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createHttpControlApi, type CallResult } from '../http/control-api.ts';
import { createGateways, type Gateways } from '../http/gateways.ts';
import { createJsonClient } from '../http/json-client.ts';

type Behaviour = 'serves' | 'drains' | 'refuses' | 'store away' | 'hangs';

interface FakeGateway {
  behaviour: Behaviour;
  readonly calls: string[];
  probes: number;
  readonly url: string;
  close(): Promise<void>;
}

async function startGateway(t: TestContext, behaviour: Behaviour): Promise<FakeGateway> {
  const calls: string[] = [];
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET') {
      gateway.probes += 1;
      answer(gateway.behaviour === 'serves' ? 200 : 503, {});
      return;
    }
    calls.push(String(request.headers['idempotency-key']));
    if (gateway.behaviour === 'hangs') return;
    if (gateway.behaviour === 'refuses') answer(409, { code: 'LOCKOUT_BREAK_GLASS', detail: 'no' });
    else if (gateway.behaviour === 'store away') answer(503, { code: 'CONTROL_STORE_UNAVAILABLE' });
    else answer(200, { tokenId: 't', by: gateway.url });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const gateway: FakeGateway = {
    behaviour,
    calls,
    probes: 0,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  t.after(() => gateway.close());
  return gateway;
}

async function reach(t: TestContext, gateways: readonly { readonly url: string }[]): Promise<Gateways> {
  const clock = createSystemClock();
  const http = createJsonClient(clock, { timeoutMs: 20_000, connectTimeoutMs: 500 });
  const all = createGateways(
    { clock, log: silentLogger },
    gateways.map(({ url }) => ({
      url,
      api: createHttpControlApi(http, { url, token: 'secret' }),
      async isReady() {
        const answer = await http.get(new URL('/readyz', url));
        return answer.ok && answer.status === 200;
      },
    })),
    { probePeriodMs: 20 },
  );
  await all.start();
  t.after(() => {
    all.close();
    http.close();
  });
  return all;
}

const why = { reason: 'r', incidentId: 'i', exerciseId: null };
const revoke = (all: Gateways): Promise<CallResult<unknown>> =>
  all.revokeToken('t', why, { idempotencyKey: 'k' });
const answered = (by: FakeGateway): CallResult<unknown> => ({
  ok: true,
  value: { tokenId: 't', by: by.url },
});

describe('responders: several gateways', { timeout: 60_000 }, () => {
  for (const [what, first] of [
    ['drains', 'drains'],
    ['has lost the control store', 'store away'],
    ['takes the call and never answers', 'hangs'],
  ] as const)
    it(`one that ${what}: the next one is called, under the same key`, async (t) => {
      const [one, two] = await Promise.all([startGateway(t, 'serves'), startGateway(t, 'serves')]);
      const reached = await reach(t, [one, two]);
      // All but the draining one are found out by the call itself.
      one.behaviour = first;
      const asked = one.probes;
      while (first === 'drains' && one.probes < asked + 3)
        await new Promise((resolve) => setImmediate(resolve));
      const result = await revoke(reached);
      assert.deepEqual(result, answered(two));
      assert.deepEqual(two.calls, ['k']);
      assert.ok(one.calls.every((key) => key === 'k'));
    });

  it('one that is dead is passed over, and taken again when it is back', async (t) => {
    const [one, two] = await Promise.all([startGateway(t, 'serves'), startGateway(t, 'serves')]);
    const reached = await reach(t, [{ url: 'http://127.0.0.1:1' }, one, two]);
    assert.deepEqual(await revoke(reached), answered(one));
    await one.close();
    assert.deepEqual(await revoke(reached), answered(two));
    await two.close();
    const none = await revoke(reached);
    assert.equal(none.ok, false);
    assert.equal(!none.ok && none.passing, true, 'worth another try later');
    while (reached.anyReady()) await new Promise((resolve) => setImmediate(resolve));
  });

  it('what a gateway refuses for good is not asked of another', async (t) => {
    const [one, two] = await Promise.all([startGateway(t, 'serves'), startGateway(t, 'serves')]);
    const reached = await reach(t, [one, two]);
    one.behaviour = 'refuses';
    const result = await revoke(reached);
    assert.equal(!result.ok && result.code, 'LOCKOUT_BREAK_GLASS');
    assert.deepEqual(two.calls, []);
  });
});
