import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TOPICS } from '../../../schemas/topics.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { codecs, openWorld, type World } from './support.ts';

const TOPIC = TOPICS.sessionEvents.name;
const BASE = Date.UTC(2026, 0, 5);

const event = (number: number, exerciseId: string | null = null): SessionEvent => ({
  eventId: `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`,
  time: BASE + number,
  origin: exerciseId === null ? 'gateway' : 'exercise',
  exerciseId,
  gateway: { id: 'g', epoch: 1, sequence: number },
  session: null,
  requestId: null,
  controlRevision: 0,
  identity: {
    id: `countersign/${number % 2 === 0 ? 'even' : 'odd'}`,
    issuer: 'countersign',
    subject: number % 2 === 0 ? 'even' : 'odd',
    kind: 'human',
    displayName: '',
    groups: [],
    credentialSource: null,
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
    onBehalfOf: [],
    attributes: {},
  },
  client: null,
  target: null,
  body: { kind: 'heartbeat', openSessions: number, spoolBytes: 0, unaudited: 0 },
  gatewayChain: null,
  previousHash: Buffer.alloc(32),
  hash: Buffer.alloc(32),
});

async function write(world: World, events: readonly SessionEvent[]): Promise<void> {
  const writer = await world.log.writer('test');
  await writer.append(
    TOPIC,
    events.map((each) => ({
      key: each.identity!.id,
      partition: each.gateway.sequence % 2,
      value: codecs.sessionEvent.encode(each),
    })),
  );
  await writer.close();
}

async function exported(world: World, query = ''): Promise<number[]> {
  const { status, body } = await world.call<string>('GET', `/v1/events/export${query}`);
  assert.equal(status, 200);
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const read = codecs.sessionEvent.fromJson(JSON.parse(line));
      assert.ok(read.ok, 'it is what import takes');
      return read.value.time - BASE;
    });
}

describe('control API: export', { timeout: 60_000 }, () => {
  it('gives the history of all partitions by time, and ends', async (t) => {
    const world = await openWorld(t);
    assert.deepEqual(await exported(world), []);
    const numbers = Array.from({ length: 1200 }, (_, index) => index);
    await write(
      world,
      numbers.map((number) => event(number)),
    );
    const ends = await world.log.endOffsets(TOPIC);
    assert.ok(ends.filter((end) => end > 0).length > 1, 'several partitions hold it');
    assert.deepEqual(await exported(world), numbers);
    assert.equal(
      world.actions.at(-1)?.action,
      'event.export',
      'who takes the history away stands in the trail',
    );
  });

  it('leaves out other times, identities and exercises', async (t) => {
    const world = await openWorld(t);
    await write(world, [event(1), event(2), event(3, 'drill'), event(4), event(5)]);
    assert.deepEqual(await exported(world), [1, 2, 4, 5]);
    assert.deepEqual(await exported(world, '?exercises=true'), [1, 2, 3, 4, 5]);
    assert.deepEqual(await exported(world, `?from=${BASE + 2}&to=${BASE + 5}`), [2, 4]);
    assert.deepEqual(await exported(world, '?identity=countersign/odd'), [1, 5]);
  });

  it('says what cannot be read and gives the rest', async (t) => {
    const world = await openWorld(t);
    await write(world, [event(1)]);
    const writer = await world.log.writer('other');
    await writer.append(TOPIC, [{ key: 'countersign/odd', value: Buffer.from('garbage') }]);
    await write(world, [event(3)]);
    assert.deepEqual(await exported(world), [1, 3]);
  });

  it('holds a slow reader’s history back instead of in memory, and forgets one that goes away', async (t) => {
    const world = await openWorld(t, { streamsMax: 1 });
    // More than the sockets in between can hold.
    const long = 'x'.repeat(20_000);
    const large = Array.from({ length: 2000 }, (_, index) => {
      const small = event(index);
      return { ...small, identity: { ...small.identity!, displayName: long } };
    });
    for (let at = 0; at < large.length; at += 100) await write(world, large.slice(at, at + 100));
    const headers = { authorization: 'Bearer token-admin' };
    const going = new AbortController();
    const slow = await fetch(`${world.url}/v1/events/export`, { headers, signal: going.signal });
    await slow.body!.getReader().read();
    const second = await world.call('GET', '/v1/events/export');
    assert.deepEqual([second.status, second.body['code']], [429, 'CONTROL_API_TOO_MANY_CALLS']);
    going.abort();
    // The place is free again once the server has seen it.
    let status = 0;
    while (status !== 200) ({ status } = await world.call('GET', `/v1/events/export?from=${BASE + 1999}`));
  });

  it('needs a token that may read', async (t) => {
    const world = await openWorld(t);
    assert.equal((await world.call('GET', '/v1/events/export', { token: 'guess' })).status, 401);
    assert.equal((await world.call('POST', '/v1/reload', { token: 'token-contain' })).status, 403);
  });
});
