import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { createWorkerClient, workerModule, type WorkerClient } from '../worker-client.ts';
import type { WorkerFailure } from '../worker-messages.ts';

class Revived extends Error {
  readonly failure: WorkerFailure;
  constructor(failure: WorkerFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

const open = (callsMax = 100): WorkerClient =>
  createWorkerClient({
    module: workerModule('sample-worker', import.meta.url),
    data: null,
    callsMax,
    revive: (failure) => new Revived(failure),
    unavailable: (reason) => new Error(`unavailable: ${reason}`),
  });

describe('worker thread', () => {
  it('answers calls, in the order they were made', async () => {
    const worker = open();
    assert.equal(await worker.call('add', 2, 3), 5);
    const orders = await Promise.all(Array.from({ length: 20 }, () => worker.call('order')));
    assert.deepEqual(
      orders,
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
    await worker.close();
  });

  it('hands over errors of the catalogue with code and details, and bugs with their message', async () => {
    const worker = open();
    await assert.rejects(worker.call('refuse', 'all'), {
      failure: { code: 'SAMPLE_REFUSED', details: { what: 'all' }, message: 'Refused all.' },
    });
    await assert.rejects(worker.call('bug'), {
      failure: { code: null, details: {}, message: 'undefined is not a function' },
    });
    await assert.rejects(worker.call('nothing'), { message: /no method nothing/ });
    assert.equal(await worker.call('add', 1, 1), 2);
    await worker.close();
  });

  it('rejects what waits when the thread dies, and starts another for what comes after', async () => {
    const worker = open();
    const waiting = [worker.call('die'), worker.call('add', 1, 1)];
    for (const call of waiting) await assert.rejects(call, /unavailable: its worker thread has ended/);
    assert.equal(await worker.call('add', 1, 1), 2);
    await assert.rejects(worker.call('die'), /unavailable/);
    await worker.close();
    await assert.rejects(worker.call('add', 1, 1), /closed/);
  });

  it('refuses calls past its bound and after it was closed', async () => {
    const worker = open(2);
    const two = [worker.call('add', 1, 1), worker.call('add', 1, 2)];
    await assert.rejects(worker.call('add', 1, 3), /too many calls/);
    assert.deepEqual(await Promise.all(two), [2, 3]);
    await worker.close();
    await worker.close();
    await assert.rejects(worker.call('add', 1, 1), /closed/);
  });

  it('does not keep the process alive while idle, but while it answers or closes', async () => {
    const client = new URL('../worker-client.ts', import.meta.url).href;
    const script = (last: string): string => `
      import { createWorkerClient } from ${JSON.stringify(client)};
      const worker = createWorkerClient({ module: new URL(${JSON.stringify(
        workerModule('sample-worker', import.meta.url).href,
      )}), data: null, callsMax: 9, revive: (f) => new Error(f.message), unavailable: (r) => new Error(r) });
      console.log(await worker.call('add', 20, 22));
      ${last}`;
    for (const [last, output] of [
      ['', '42\n'],
      ['await worker.close(); console.log("closed");', '42\nclosed\n'],
    ] as const) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(last)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      const [exitCode] = (await once(child, 'close')) as [number];
      assert.deepEqual([exitCode, printed], [0, output]);
    }
  });
});
