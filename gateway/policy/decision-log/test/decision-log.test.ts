/** Decision logs as a collector of OPA's gets them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { DecisionLogConfig } from '../../../../schemas/config/policy-engines.ts';
import { createAskedPolicy } from '../../asked-policy.ts';
import type { Engine } from '../../engine.ts';
import { policyError } from '../../errors.ts';
import { deps } from '../../rego/test/support.ts';
import { until } from '../../../../test/support/until.ts';
import { identity, input } from '../../test/support.ts';
import { createDecisionLog, type DecisionLog } from '../decision-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-decision-log-'));
const servers: Server[] = [];
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

interface Record {
  readonly decision_id: string;
  readonly input: { readonly identity: { readonly id: string }; readonly client: object };
  readonly result?: unknown;
  readonly error?: { readonly code: string };
  readonly erased?: readonly string[];
  readonly requested_by?: string;
  readonly custom: { readonly countersign: { readonly cached: boolean; readonly outcome: string } };
}

const engine: Engine = {
  path: 'countersign/decision',
  revision: () => 'r7',
  onChange: () => undefined,
  start: () => Promise.resolve(),
  refresh: () => Promise.resolve(undefined),
  fault: () => undefined,
  close: () => undefined,
  ask: (document) =>
    Promise.resolve(
      document.includes('nobody')
        ? { ok: false, error: policyError('POLICY_TIMEOUT', { deadlineMs: 1 }) }
        : { ok: true, result: { allow: true }, micros: 12 },
    ),
};
const make = (part: Partial<DecisionLogConfig>): DecisionLog =>
  createDecisionLog(
    { ...deps, gatewayId: 'gateway-1', programVersion: '1.2.3' },
    { flushMs: 50, bufferedMax: 1000, erase: [], cached: false, ...part },
  );
const policyWith = (decisionLog: DecisionLog) =>
  createAskedPolicy({ engine, decisionLog }, { cachedMax: 100, cacheMs: null, withUsage: false });

/** A collector; `answers` gives the status of each call. */
async function collector(
  answers: (call: number) => number,
): Promise<{ readonly url: string; readonly batches: Record[][]; readonly headers: object[] }> {
  const batches: Record[][] = [];
  const headers: object[] = [];
  let calls = 0;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const status = answers((calls += 1));
      headers.push({ url: request.url, ...request.headers });
      if (status < 300) batches.push(JSON.parse(gunzipSync(Buffer.concat(pieces)).toString()) as Record[]);
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await until('it listens', () => server.listening);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, batches, headers };
}

describe('the decision log', () => {
  it('has one JSON object a line in its file, for its owner only', async () => {
    const file = join(folder, 'decisions.ndjson');
    const log = make({ file });
    const policy = policyWith(log);
    await policy.decide(input());
    await policy.decide(input({ identity: identity({ id: 'nobody' }) }));
    await policy.decide(input());
    await log.close();
    const records = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record & { [field: string]: unknown });
    assert.equal(records.length, 2, 'what was used again is not logged unless asked for');
    const [first, second] = records;
    assert.match(first!.decision_id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(first!['labels'], { app: 'countersign', id: 'gateway-1', version: '1.2.3' });
    assert.deepEqual(first!['bundles'], { countersign: { revision: 'r7' } });
    assert.deepEqual(
      [first!['path'], first!.result, first!.requested_by, first!['metrics']],
      ['countersign/decision', { allow: true }, '192.0.2.7', { timer_rego_query_eval_ns: 12_000 }],
    );
    assert.equal(first!.input.identity.id, 'https://idp.example/anna');
    assert.equal(second!.error!.code, 'POLICY_TIMEOUT');
    assert.equal(second!.result, undefined);
    assert.equal(statSync(file).mode & 0o077, 0);
  });

  it('goes to a server as OPA sends it, and again where it was not taken', async () => {
    const { url, batches, headers } = await collector((call) => (call === 1 ? 503 : 200));
    const log = make({ url: `${url}/`, token: { env: 'LOGS' } });
    await policyWith(log).decide(input());
    await until('it was sent', () => batches.length > 0);
    assert.equal(batches.flat().length, 1);
    assert.partialDeepStrictEqual(headers.at(-1), {
      url: '/logs',
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      authorization: 'Bearer secret-of-LOGS',
    });
    await log.close();
  });

  it('logs what was used again where that is wanted', async () => {
    const file = join(folder, 'cached.ndjson');
    const log = make({ file, cached: true });
    const policy = policyWith(log);
    for (let round = 0; round < 3; round += 1) await policy.decide(input());
    await log.close();
    const cached = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Record).custom.countersign.cached);
    assert.deepEqual(cached, [false, true, true]);
  });

  it('erases what it may not hold, and says so', async () => {
    const file = join(folder, 'erased.ndjson');
    const log = make({ file, erase: ['/input/client/ip', '/input/reason', '/input/absent/x'] });
    await policyWith(log).decide(input({ reason: 'private' }));
    await log.close();
    const text = readFileSync(file, 'utf8');
    const record = JSON.parse(text) as Record;
    assert.deepEqual(record.erased, ['/input/client/ip', '/input/reason']);
    assert.doesNotMatch(text, /192\.0\.2\.7|private/);
  });

  it('is bounded: the oldest go', async () => {
    const { url, batches } = await collector((call) => (call === 1 ? 500 : 200));
    const log = make({ url, bufferedMax: 3, flushMs: 86_400_000 });
    const policy = policyWith(log);
    for (let number = 0; number < 10; number += 1)
      await policy.decide(input({ identity: identity({ id: `i${number}` }) }));
    await log.close();
    assert.equal(batches.length, 0, 'the server was away');
    const other = make({ url, bufferedMax: 3, flushMs: 86_400_000 });
    const again = policyWith(other);
    for (let number = 0; number < 10; number += 1)
      await again.decide(input({ identity: identity({ id: `i${number}` }) }));
    await other.close();
    assert.deepEqual(
      batches.flat().map((record) => record.input.identity.id),
      ['i7', 'i8', 'i9'],
    );
  });
});
