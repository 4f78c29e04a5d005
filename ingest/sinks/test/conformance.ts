/** What every kind of sink must do, against a real receiver of its kind. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCodec } from '../../../schemas/codec.ts';
import type { SinkConfig } from '../../../schemas/config/sinks.ts';
import { DOCUMENT_MAPPINGS } from '../../../schemas/ecs/documents.ts';
import {
  appendEvents,
  EVENTS,
  eventNamed,
  ids,
  openStage,
  readDeadLetters,
  sampleOf,
  startSinks,
} from './support.ts';
import { until } from '../../../test/support/until.ts';

export interface Receiver {
  /** Configuration of a sink that sends to it, with what differs. */
  config(given: { name: string } & Record<string, unknown>): SinkConfig;
  /** Delivery ids in the order in which they came, with repetitions. */
  deliveries(): string[];
  /** Forgets what came. */
  clear(): void;
  down(): Promise<void>;
  up(): Promise<void>;
  /** Takes connections and does nothing with them, until `wake`. */
  freeze(): Promise<void>;
  wake(): Promise<void>;
  /** Breaks off whatever is under way while batches come, a few times; resolves when it has done so and is well again. */
  breakOff(): Promise<void>;
  /** Shows a certificate of another authority, or its own again. */
  pretend(isAnother: boolean): Promise<void>;
  stop(): Promise<void>;
}

const idOf = (name: string): string => `session-events/${name}`;
const unique = (values: readonly string[]): string[] => [...new Set(values)];

export function sinkConformance(
  kind: string,
  start: () => Promise<Receiver>,
  skip: string | false = false,
): void {
  describe(`sink ${kind}`, { skip, timeout: 120_000 }, () => {
    let receiver: Receiver;
    before(async () => {
      receiver = await start();
    });
    after(() => receiver.stop());
    const arrived = async (names: readonly string[]): Promise<void> => {
      const wanted = new Set(names.map(idOf));
      await until(`${names.length} deliveries`, () => {
        const seen = new Set(receiver.deliveries());
        return [...wanted].every((id) => seen.has(id));
      });
    };
    const only = { filter: { topics: ['session-events'] } };

    it('brings records of every topic, also those written before its start', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      for (const { topic, schema } of DOCUMENT_MAPPINGS)
        await stage.append(topic, 'k', [createCodec(schema).encode(sampleOf<never>(schema))]);
      const topics = DOCUMENT_MAPPINGS.map(({ index }) => index);
      await startSinks(stage, [receiver.config({ name: 'all', filter: { topics } })]);
      await until('one of each', () => receiver.deliveries().length >= topics.length);
      assert.deepEqual(
        unique(receiver.deliveries().map((id) => id.split('/')[0]!)).toSorted(),
        topics.toSorted(),
      );
    });

    it('keeps the order of a partition, whatever the batches', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      await startSinks(stage, [receiver.config({ name: 'order', batchRecordsMax: 7, ...only })]);
      const names = ids(60);
      await appendEvents(stage, 'one key', names);
      await arrived(names);
      assert.deepEqual(receiver.deliveries(), names.map(idOf));
    });

    it('sends what its filter lets through, and goes on behind what it does not', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      const filter = { ...only.filter, identities: ['issuer/kept*'] };
      await startSinks(stage, [receiver.config({ name: 'filter', filter })]);
      const { identity } = sampleOf<{ identity: object }>('session-event', 'request');
      const of = (name: string, id: string): Buffer =>
        eventNamed(name, { identity: { ...identity, id } as never });
      await stage.append(EVENTS, 'k', [
        of('a', 'issuer/kept-1'),
        of('b', 'issuer/other'),
        of('c', 'issuer/kept-2'),
      ]);
      await arrived(['a', 'c']);
      assert.deepEqual(receiver.deliveries(), [idOf('a'), idOf('c')]);
      await until('it is counted', async () =>
        (await stage.metrics.expose()).includes(
          `countersign_sink_records_total{sink="filter",topic="${EVENTS}",outcome="filtered"} 1`,
        ),
      );
    });

    it('gives what it cannot read to dead-letters and moves on', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      await startSinks(stage, [receiver.config({ name: 'poison', ...only })]);
      await stage.append(EVENTS, 'k', [eventNamed('a'), Buffer.from('garbage'), null, eventNamed('b')]);
      await arrived(['a', 'b']);
      const [letter, ...more] = await readDeadLetters(stage);
      assert.deepEqual(more, []);
      assert.deepEqual(
        [letter!.stage, letter!.code, letter!.sourceOffset],
        ['ingest/sink/poison', 'SINK_UNREADABLE', 1],
      );
      assert.deepEqual(letter!.value, Buffer.from('garbage'));
    });

    it('waits for a receiver that is down, says so, and brings all of it later', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      await receiver.down();
      const role = await startSinks(stage, [receiver.config({ name: 'away', ...only })]);
      const names = ids(30);
      await appendEvents(stage, 'k', names);
      await until('it is said', () => /away: /.test(role.health().reason ?? ''));
      assert.equal(role.health().ready, true);
      assert.match(await stage.metrics.expose(), /countersign_sink_up\{sink="away"\} 0/);
      await receiver.up();
      await arrived(names);
      await until('it is well again', () => role.health().reason === undefined);
      assert.deepEqual(await readDeadLetters(stage), []);
    });

    it('waits for one that takes nothing, and stops in time meanwhile', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      const config = receiver.config({ name: 'frozen', attemptTimeoutMs: 300, ...only });
      await receiver.freeze();
      const first = await startSinks(stage, [config]);
      await appendEvents(stage, 'k', ids(5));
      await until('it is said', () => /frozen: /.test(first.health().reason ?? ''));
      await first.stop(50);
      await receiver.wake();
      await startSinks(stage, [config]);
      await arrived(ids(5));
      assert.deepEqual(await readDeadLetters(stage), []);
    });

    it('loses nothing when it is broken off in the middle', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      await startSinks(stage, [receiver.config({ name: 'cut', batchRecordsMax: 20, ...only })]);
      const names = ids(240);
      const broken = receiver.breakOff();
      for (let at = 0; at < names.length; at += 40)
        await appendEvents(stage, `k${at % 3}`, names.slice(at, at + 40));
      await broken;
      await arrived(names);
      assert.deepEqual(await readDeadLetters(stage), []);
    });

    it('goes on after a restart where it was', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      const config = receiver.config({ name: 'again', ...only });
      const first = await startSinks(stage, [config]);
      await appendEvents(stage, 'k', ids(40, 'old'));
      await arrived(ids(40, 'old'));
      await first.stop(5000);
      receiver.clear();
      await appendEvents(stage, 'k', ids(40, 'new'));
      await startSinks(stage, [config]);
      await arrived(ids(40, 'new'));
      assert.deepEqual(receiver.deliveries(), ids(40, 'new').map(idOf));
    });

    it('holds no other sink back while it is stuck', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      const nowhere = receiver.config({
        name: 'stuck',
        ...only,
        ...(kind.startsWith('syslog') ? { port: 1 } : { url: 'https://127.0.0.1:1/' }),
      });
      await startSinks(stage, [nowhere, receiver.config({ name: 'well', ...only })]);
      await appendEvents(stage, 'k', ids(50));
      await arrived(ids(50));
    });

    it('does not talk to one whose certificate is another’s, until it is mended', async (t) => {
      receiver.clear();
      const stage = await openStage(t);
      await receiver.pretend(true);
      const role = await startSinks(stage, [receiver.config({ name: 'imposter', ...only })]);
      await appendEvents(stage, 'k', ids(5));
      await until('it is said', () => /imposter: .*certificate/i.test(role.health().reason ?? ''));
      assert.deepEqual(receiver.deliveries(), []);
      await receiver.pretend(false);
      await arrived(ids(5));
    });
  });
}
