import type { BatchControl, LogRecord } from '../../platform/event-log/event-log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import type { EngineDeps, EngineStream } from './engine-deps.ts';
import { nameSpace } from './identity-key.ts';
import { gapSaid, unreadableEvent, unreadableSaid } from './integrity.ts';
import type { KeyState } from './key-state.ts';
import { mayPass } from './patient-writer.ts';
import type { Trigger } from './detection-records.ts';
import { passSequence, putAside, takeWaiting } from './session-order.ts';
import { createSpokenVerdicts, NO_VERDICTS } from './spoken-verdicts.ts';
import { openStateStore, type StateStore } from './state-store.ts';
import { createTurns } from './turns.ts';
import { createStateChangelog } from './state-changelog.ts';

export interface PartitionEngine {
  /** Input offset at which delivery goes on; undefined where there is no state yet. */
  readonly resumeAt: number | undefined;
  /** Takes records in order; resolves when their detections, and then their verdict, are in the log. */
  take(records: readonly LogRecord[], control: BatchControl): Promise<void>;
  /** Looks at gaps whose time is up, and commits where it is due. */
  tick(): Promise<void>;
  /** Writes state and offset now. */
  commit(): Promise<void>;
  /** Commits, and takes nothing until `revive`: another process may get the partition. */
  park(): Promise<void>;
  /** Takes the partition again; false where another process has written its state meanwhile: then an engine is to be made anew. */
  revive(): Promise<boolean>;
  /** Gives up the right to write; the state stays in the log. */
  close(): Promise<void>;
}

const HIGH_RISK: ReadonlySet<string> = new Set(['high', 'critical']);

const isHeldKind = ({ body }: SessionEvent): boolean =>
  body.kind === 'request' && (HIGH_RISK.has(body.risk) || body.decision.outcome === 'hold_verdict');

/** The engine for one partition of a stream: order, detectors, detections, verdicts, state. Calls are taken one after the other. */
export async function createPartitionEngine(
  deps: EngineDeps,
  stream: EngineStream,
  partition: number,
): Promise<PartitionEngine> {
  const { clock, codecs, config, metrics, writer } = deps;
  // First of all: what restoring then reads is all that there will be of others.
  let stateWriter = await deps.stateWriter(stream.component, partition);
  const changelog = await createStateChangelog(
    {
      eventLog: deps.eventLog,
      writer: { append: (topic, records) => stateWriter.append(topic, records) },
      codec: codecs.state,
      giveUp: (record, reason) =>
        deps.deadLetters.give(record, 'detectors', 'DETECTORS_CHANGELOG_UNREADABLE', reason),
    },
    stream.component,
    partition,
  );
  const store: StateStore = await openStateStore(changelog, config.statesMax);
  let lastOffset = store.restoredOffset;
  let committedOffset = store.restoredOffset;
  let committedAt = clock.now();
  let sinceCommit = 0;
  let control: BatchControl | undefined;
  const verdicts = stream.verdicts
    ? createSpokenVerdicts({ writer, codec: codecs.verdict, clock }, partition)
    : NO_VERDICTS;
  let verdictKey: string | null = null;
  /** Keys with events behind a gap. */
  const gaps = new Map<string, KeyState>();
  const { inTurn, broken } = createTurns();

  const publish = async (detections: readonly Detection[]): Promise<void> => {
    if (detections.length === 0) return;
    await writer.append(
      TOPICS.detections.name,
      detections.map((detection) => ({
        key: detection.credentialSource ?? detection.identityId,
        value: codecs.detection.encode(detection),
      })),
    );
    for (const { detector, detectorKind } of detections)
      metrics.detections.add(1, { detector, kind: detectorKind });
    verdicts.note(detections);
  };

  const triggerOf = (event: SessionEvent, offset: number): Trigger => {
    const now = clock.now();
    return { event, partition, offset, now, live: deps.liveness.isLive(event, now) };
  };

  const judge = async (
    state: KeyState,
    event: SessionEvent,
    place: { offset: number; framed: Uint8Array },
  ): Promise<void> => {
    const peers = await store.get(`${nameSpace(event)}*`);
    const suspicion = deps.incidents.suspicionOf(event.identity?.id ?? null, event.exerciseId);
    await publish(stream.processor.process(state, peers, triggerOf(event, place.offset), suspicion));
    await stream.forward(event, { topic: stream.topic, partition, ...place });
    verdictKey = event.identity?.id ?? state.key;
    metrics.events.add(1, { stream: stream.component });
  };

  /** Judges what waits behind a gap as far as it follows; with `force` the gap is given up first. */
  const drain = async (state: KeyState, sessionId: string, force: boolean): Promise<void> => {
    const since = state.order.waiting.get(sessionId)?.since;
    for (let first = force; ; first = false) {
      const expected = state.order.sessions.get(sessionId) ?? 1;
      const next = takeWaiting(state.order, sessionId, first);
      if (next === undefined) break;
      const framed = Buffer.from(next.framed, 'base64');
      const decoded = codecs.event.decode(framed);
      if (!decoded.ok || decoded.value.session!.sequence < expected) continue;
      if (first) {
        const trigger = triggerOf(decoded.value, next.offset);
        const said = gapSaid(sessionId, expected, next, trigger.now - (since ?? trigger.now));
        await publish(stream.processor.notice(state, trigger, said));
      }
      passSequence(state.order, decoded.value);
      await judge(state, decoded.value, { offset: next.offset, framed });
    }
    if (state.order.waiting.size === 0) gaps.delete(state.key);
  };

  const takeUnreadable = async (record: LogRecord, reason: string): Promise<void> => {
    await deps.deadLetters.give(record, 'detectors', 'DETECTORS_EVENT_UNREADABLE', reason);
    const state = await store.get(record.key ?? 'unreadable');
    const trigger = triggerOf(unreadableEvent(record), record.offset);
    await publish(stream.processor.notice(state, trigger, unreadableSaid(reason)));
    verdictKey = record.key;
  };

  const takeRecord = async (record: LogRecord): Promise<boolean> => {
    const read = stream.read(record);
    if (read === null) return false;
    if (!read.ok) {
      await takeUnreadable(record, read.reason);
      return false;
    }
    const { event, key, framed } = read;
    const state = await store.get(key);
    const arrival = stream.arrive(state, event, read);
    if (arrival === 'duplicate') return false;
    if (arrival === 'early') {
      const { id, sequence } = event.session!;
      const waiting = { sequence, offset: record.offset, framed: Buffer.from(framed).toString('base64') };
      gaps.set(key, state);
      if (!putAside(state.order, id, waiting, clock.now())) await drain(state, id, true);
      return false;
    }
    await judge(state, event, { offset: record.offset, framed });
    if (event.session !== null && state.order.waiting.has(event.session.id))
      await drain(state, event.session.id, false);
    return isHeldKind(event);
  };

  /** Up to where everything has been judged: not past what waits behind a gap. */
  const judgedOffset = (): number => {
    let judged = lastOffset;
    for (const { order } of gaps.values())
      for (const { events } of order.waiting.values())
        for (const { offset } of events) judged = Math.min(judged, offset - 1);
    return judged;
  };

  const pass = (): Promise<void> => verdicts.pass(judgedOffset(), verdictKey);

  const commit = async (): Promise<void> => {
    if (control === undefined || lastOffset <= committedOffset) return;
    await stream.flush();
    await store.commit(lastOffset);
    try {
      await control.commit({ topic: stream.topic, partition, offset: lastOffset });
    } catch (error) {
      // The marker says where to go on, and the writer who may write it; the group's offset only tells how far it is. Where the group has
      // gone on without this process, that is heard soon.
      if (!mayPass(error)) throw error;
      deps.log.warn(
        { error, partition },
        'the offset of a partition could not be committed; the next commit has it',
      );
    }
    committedOffset = lastOffset;
    committedAt = clock.now();
    sinceCommit = 0;
  };

  for (const key of await store.loadWaiting()) gaps.set(key, await store.get(key));
  verdicts.startAt(judgedOffset());

  /** End of the changelog when the engine was parked. */
  let parkedAt = 0;

  return {
    get resumeAt() {
      return lastOffset < 0 ? undefined : lastOffset + 1;
    },
    take: (records, batchControl) =>
      inTurn(async () => {
        control = batchControl;
        for (const record of records) {
          if (record.offset <= lastOffset) continue;
          const held = await takeRecord(record);
          lastOffset = record.offset;
          sinceCommit += 1;
          if (held) await pass();
        }
        await stream.flush();
        await pass();
        await store.trim(lastOffset);
        if (sinceCommit >= config.commitEventsMax) await commit();
      }, true),
    tick: () =>
      inTurn(async () => {
        const now = clock.now();
        for (const key of gaps.keys()) {
          const state = await store.get(key);
          for (const [sessionId, { since }] of state.order.waiting)
            if (now - since >= config.gapWaitMsMax || now < since) await drain(state, sessionId, true);
          if (state.order.waiting.size === 0) gaps.delete(key);
        }
        await pass();
        if (now - committedAt >= config.commitPeriodMs || now < committedAt) await commit();
      }),
    commit: () => inTurn(commit),
    park: () =>
      inTurn(async () => {
        await commit();
        control = undefined;
        parkedAt = await changelog.endOffset();
      }, true),
    async revive() {
      if (broken()) return false;
      const before = stateWriter;
      stateWriter = await deps.stateWriter(stream.component, partition);
      await before.close();
      return changelog.untouchedSince(parkedAt);
    },
    close: () => stateWriter.close(),
  };
}
