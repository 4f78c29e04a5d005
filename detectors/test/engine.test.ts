import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import { BASELINES } from '../baselines/registry.ts';
import { codecs, createEngineBench, noControl, type EngineBench } from './support/engine-bench.ts';
import { attackedHistory } from './support/history.ts';

const DETECTIONS = TOPICS.detections.name;

/** Without what depends on when the engine ran. */
const stable = (detection: Detection): object => ({ ...detection, detectedAt: 0, live: false });

async function detectionsById(bench: EngineBench): Promise<Map<string, object>> {
  const found = await bench.values(DETECTIONS, codecs.detection);
  return new Map(found.map((detection) => [detection.detectionId, stable(detection)]));
}

function story(seed: number): SessionEvent[] {
  const one = attackedHistory(seed, 9);
  const two = attackedHistory(seed + 1, 9, 'credential-theft', 'report');
  return [...one.history, ...one.attack, ...two.history, ...two.attack].sort((a, b) => a.time - b.time);
}

describe('detectors: engine', () => {
  it('an engine killed again and again ends with the detections of one that lived', async () => {
    const events = story(3);
    const lived = await createEngineBench(BASELINES);
    await lived.append(events);
    await lived.feed(await lived.open());
    const expected = await detectionsById(lived);
    assert.ok(expected.size > 8, `${expected.size} detections`);
    assert.ok([...expected.values()].some((detection) => (detection as Detection).detectorKind === 'risk'));
    await lived.end();

    for (const seed of [1, 2, 3]) {
      const random = createSeededRandom(seed);
      // A bound of one state in memory: every change of identity spills and reads back.
      const bench = await createEngineBench(BASELINES, { statesMax: 1, commitEventsMax: 60 });
      await bench.append(events);
      let deaths = 0;
      for (let done = false; !done;) {
        bench.appendsLeft.count = deaths < 12 ? 2 + Math.floor(random.float() * 12) : Infinity;
        try {
          const engine = await bench.open();
          await bench.feed(engine, engine.resumeAt ?? 0);
          await engine.commit();
          done = true;
        } catch (error) {
          assert.match(String(error), /killed/);
          deaths += 1;
        }
      }
      assert.ok(deaths >= 5, `${deaths} deaths`);
      assert.deepEqual(await detectionsById(bench), expected, `seed ${seed}`);
      const spoken = new Set<string>();
      for (const { body } of await bench.values(TOPICS.verdicts.name, codecs.verdict))
        if (body.kind === 'passed')
          for (const { detectionIds } of body.spoken) detectionIds.forEach((id) => spoken.add(id));
      assert.deepEqual([...spoken].sort(), [...expected.keys()].sort());
      await bench.end();
    }
  });

  it('after a failure nothing half-done is written, however it is asked to', async () => {
    const { history, attack } = attackedHistory(4, 9);
    const lived = await createEngineBench(BASELINES);
    await lived.append([...history, ...attack]);
    await lived.feed(await lived.open());
    const expected = await detectionsById(lived);
    await lived.end();
    const bench = await createEngineBench(BASELINES);
    await bench.append(history);
    const engine = await bench.open();
    const next = await bench.feed(engine);
    await engine.commit();
    await bench.append(attack);
    bench.appendsLeft.count = 0;
    await assert.rejects(bench.feed(engine, next), /killed/);
    bench.appendsLeft.count = Infinity;
    await engine.commit();
    await engine.tick();
    const again = await bench.open();
    assert.equal(again.resumeAt, next);
    await bench.feed(again, next);
    assert.ok(expected.size > 5);
    assert.deepEqual(await detectionsById(bench), expected);
    await bench.end();
  });

  it('a verdict never passes an event before its detections are in the log', async () => {
    const bench = await createEngineBench(BASELINES);
    const { history, attack } = attackedHistory(5, 9);
    await bench.append([...history, ...attack]);
    const order: string[] = [];
    const engine = await bench.open();
    await bench.feed(engine);
    const verdicts = await bench.values(TOPICS.verdicts.name, codecs.verdict);
    const written = new Set(
      (await bench.values(DETECTIONS, codecs.detection)).map(({ detectionId }) => detectionId),
    );
    for (const { body } of verdicts)
      if (body.kind === 'passed')
        for (const { detectionIds } of body.spoken)
          order.push(...detectionIds.filter((id) => !written.has(id)));
    assert.deepEqual(order, []);
    const input = await bench.input(0);
    const high = input.filter(({ value }) => {
      const decoded = codecs.event.decode(value!);
      return decoded.ok && decoded.value.body.kind === 'request' && decoded.value.body.risk === 'high';
    });
    assert.ok(high.length > 0);
    const offsets = verdicts.map(({ body }) => (body.kind === 'passed' ? body.offset : -1));
    for (const { offset } of high)
      assert.ok(offsets.includes(offset), 'each high-risk request has a verdict of its own');
    assert.equal(Math.max(...offsets), input.at(-1)!.offset);
    await bench.end();
  });

  it('an event that stays away is a detection; what waited behind it is judged then, and not passed before', async () => {
    const bench = await createEngineBench(BASELINES, { gapWaitMsMax: 1000 });
    const { history } = attackedHistory(6, 1);
    const session = history.filter((event) => event.session!.id === history[0]!.session!.id);
    const missing = session.filter((event) => event.session!.sequence !== 3);
    await bench.append(missing);
    const engine = await bench.open();
    await bench.feed(engine);
    const passed = async (): Promise<number> =>
      Math.max(
        ...(await bench.values(TOPICS.verdicts.name, codecs.verdict)).map(({ body }) =>
          body.kind === 'passed' ? body.offset : -1,
        ),
      );
    assert.equal(await passed(), 1);
    await engine.commit();
    const restarted = await bench.open();
    bench.harness.clock.advance(999);
    await restarted.tick();
    assert.equal(await passed(), 1);
    bench.harness.clock.advance(1);
    await restarted.tick();
    assert.equal(await passed(), missing.length - 1);
    const found = await bench.values(DETECTIONS, codecs.detection);
    assert.deepEqual(
      found.filter(({ detectorKind }) => detectorKind === 'integrity').map(({ detector }) => detector),
      ['integrity-gap'],
    );
    await bench.end();
  });

  it('takes what comes twice or out of order once and in order', async () => {
    const bench = await createEngineBench(BASELINES);
    const { history } = attackedHistory(7, 1);
    const session = history.filter((event) => event.session!.id === history[0]!.session!.id);
    assert.ok(session.length > 5);
    const [first, second, third, ...rest] = session as [SessionEvent, SessionEvent, SessionEvent];
    await bench.append([first, third, second, second, first, ...rest, third]);
    const engine = await bench.open();
    await bench.feed(engine);
    await engine.tick();
    assert.deepEqual(await bench.values(DETECTIONS, codecs.detection), []);
    const [last] = (await bench.values(TOPICS.verdicts.name, codecs.verdict)).slice(-1);
    assert.equal(last!.body.kind === 'passed' && last!.body.offset, session.length + 2);
    await bench.end();
  });

  it('an unreadable event goes to dead-letters and raises a detection on the identity of its key', async () => {
    const bench = await createEngineBench(BASELINES);
    await bench.appendRaw('https://ci.example/mallory', Buffer.from('c301deadbeef', 'hex'));
    const engine = await bench.open();
    await engine.take(await bench.input(0), noControl);
    assert.deepEqual(
      bench.deadLetters.map(({ code }) => code),
      ['DETECTORS_EVENT_UNREADABLE'],
    );
    const [found] = await bench.values(DETECTIONS, codecs.detection);
    assert.equal(found!.detector, 'integrity-unreadable');
    assert.equal(found!.identityId, 'https://ci.example/mallory');
    await bench.end();
  });

  it('nothing is learned from an identity under an open incident', async () => {
    const { history, attack } = attackedHistory(8, 9);
    const bench = await createEngineBench(BASELINES);
    await bench.append(history);
    const engine = await bench.open();
    const next = await bench.feed(engine);
    const before = (await bench.all(DETECTIONS)).length;
    bench.suspicion.current = { open: true, closedAt: null, closedAs: null };
    // The same foreign network for two days: it does not become usual.
    const opened = attack.filter(({ body }) => body.kind === 'session_opened');
    const later = [0, 1, 2].flatMap((day) =>
      opened.map((event) => ({
        ...event,
        eventId: `${event.eventId}-${day}`,
        time: event.time + day * 86_400_000,
        session: { ...event.session!, id: `${event.session!.id}-${day}` },
      })),
    );
    await bench.append(later);
    await bench.feed(engine, next);
    const found = (await bench.values(DETECTIONS, codecs.detection)).slice(before);
    assert.equal(found.filter(({ detector }) => detector === 'source-network').length, 3);
    await bench.end();
  });
});
