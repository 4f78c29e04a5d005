/**
 * Brings records to a sink's receiver: each is delivered or given up before `deliver` resolves.
 *
 *   refused             halves are tried, down to the record at fault, which goes to dead-letters
 *   failed, by batch    tried again; then halves; a single record that fails each time goes to dead-letters
 *   failed, cut off     the same, but given up only when the receiver took something else meanwhile
 *   failed, by receiver waited for, however long; the log keeps what comes meanwhile
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { LogRecord } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import { sinkError } from './errors.ts';
import type { OutgoingDocument, SendOutcome, Sink } from './sink.ts';
import type { SinkMeters } from './sink-meters.ts';
import { createSlots } from './slots.ts';

export interface Item {
  readonly record: LogRecord;
  readonly document: OutgoingDocument;
}

export interface DeliveryDeps {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meters: SinkMeters;
  /** No further try is begun. */
  readonly stopping: AbortSignal;
  /** The try under way is ended as well. */
  readonly ending: AbortSignal;
  /** The receiver's trouble; undefined when it took something. */
  onProblem(problem: string | undefined): void;
  giveUp(item: Item, code: 'SINK_REFUSED' | 'SINK_UNDELIVERABLE', reason: string): Promise<void>;
}

export interface DeliveryConfig {
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  readonly attemptsMax: number;
  readonly refusedInRowMax: number;
}

export interface Delivery {
  /** Rejects with SINK_STOPPING: some may be delivered, all are to be delivered again. */
  deliver(items: readonly Item[]): Promise<void>;
}

interface Chunk {
  readonly items: readonly Item[];
  attempts: number;
  /** How many records the receiver had taken when this chunk was cut off first. */
  takenAtFirstCut: number | undefined;
}

/** Batches of one sink that are under way at once. */
const SENDS_MAX = 4;
/** Failures after which it is tried in halves. */
const SPLIT_AFTER = 3;
/** A receiver that asks for more is not believed. */
const RETRY_AFTER_MS_MAX = 3_600_000;

export function chunksOf(sink: Sink, items: readonly Item[], config: DeliveryConfig): Chunk[] {
  const chunks: Chunk[] = [];
  let some: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sink.sizeOf(item.document);
    if (some.length > 0 && (some.length >= config.batchRecordsMax || bytes + size > config.batchBytesMax)) {
      chunks.push({ items: some, attempts: 0, takenAtFirstCut: undefined });
      some = [];
      bytes = 0;
    }
    some.push(item);
    bytes += size;
  }
  if (some.length > 0) chunks.push({ items: some, attempts: 0, takenAtFirstCut: undefined });
  return chunks;
}

function halves({ items }: Chunk): Chunk[] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)].map((half) => ({
    items: half,
    attempts: 0,
    takenAtFirstCut: undefined,
  }));
}

export function createDelivery(deps: DeliveryDeps, config: DeliveryConfig): Delivery {
  const { sink, clock, log, meters, stopping, ending } = deps;
  const slots = createSlots(SENDS_MAX);
  /** Records that the receiver has taken. */
  let taken = 0;
  let refusedInRow = 0;
  let delayMs = config.retryDelayMsMin;
  /** One wait for all partitions: a receiver in trouble must not be met by each of them. */
  let notBefore = 0;

  const pause = async (): Promise<void> => {
    for (;;) {
      if (stopping.aborted) throw sinkError('SINK_STOPPING');
      const waitMs = notBefore - clock.monotonicUs() / 1000;
      if (waitMs <= 0) return;
      await clock.sleep(waitMs, stopping).catch(() => undefined);
    }
  };
  const backOff = (reason: string, retryAfterMs = 0): void => {
    const waitMs = Math.max(delayMs, Math.min(RETRY_AFTER_MS_MAX, retryAfterMs));
    notBefore = clock.monotonicUs() / 1000 + waitMs;
    delayMs = Math.min(config.retryDelayMsMax, delayMs * 2);
    deps.onProblem(reason);
    log.warn({ reason, waitMs }, 'a sink could not deliver; trying again');
  };

  const attempt = async (chunk: Chunk): Promise<SendOutcome> => {
    const release = await slots.take();
    try {
      await pause();
      const begun = clock.monotonicUs();
      const outcome = await sink.send(
        chunk.items.map(({ document }) => document),
        ending,
      );
      meters.sent(outcome, clock.monotonicUs() - begun);
      return outcome;
    } finally {
      release();
    }
  };

  /** Gives a single record up, or waits where the receiver seems to be at fault. Returns what is still to do. */
  const giveUp = async (
    chunk: Chunk,
    code: 'SINK_REFUSED' | 'SINK_UNDELIVERABLE',
    reason: string,
  ): Promise<Chunk[]> => {
    if (refusedInRow >= config.refusedInRowMax) {
      delayMs = config.retryDelayMsMax;
      backOff(`it took none of the last ${refusedInRow} records: ${reason}`);
      return [chunk];
    }
    refusedInRow += 1;
    await deps.giveUp(chunk.items[0]!, code, reason);
    return [];
  };

  /** Returns what is still to do of a chunk that failed. */
  const afterFailure = async (
    chunk: Chunk,
    outcome: Extract<SendOutcome, { outcome: 'failed' }>,
  ): Promise<Chunk[]> => {
    const { cause, reason, retryAfterMs } = outcome;
    if (cause === 'receiver') {
      backOff(reason, retryAfterMs);
      return [chunk];
    }
    chunk.attempts += 1;
    chunk.takenAtFirstCut ??= taken;
    if (chunk.items.length > 1 && chunk.attempts >= SPLIT_AFTER) return halves(chunk);
    const blamed = cause === 'batch' || taken > chunk.takenAtFirstCut;
    if (chunk.items.length === 1 && chunk.attempts >= config.attemptsMax && blamed)
      return giveUp(chunk, 'SINK_UNDELIVERABLE', reason);
    backOff(reason, retryAfterMs);
    return [chunk];
  };

  const step = async (chunk: Chunk): Promise<Chunk[]> => {
    const outcome = await attempt(chunk);
    switch (outcome.outcome) {
      case 'delivered':
        taken += chunk.items.length;
        refusedInRow = 0;
        delayMs = config.retryDelayMsMin;
        deps.onProblem(undefined);
        for (const { record } of chunk.items) meters.record(record.topic, 'delivered');
        return [];
      case 'refused':
      case 'too-large':
        return chunk.items.length > 1 ? halves(chunk) : giveUp(chunk, 'SINK_REFUSED', outcome.reason);
      case 'failed':
        if (stopping.aborted) throw sinkError('SINK_STOPPING');
        return afterFailure(chunk, outcome);
    }
  };

  return {
    async deliver(items) {
      const left = chunksOf(sink, items, config);
      for (let chunk = left.shift(); chunk !== undefined; chunk = left.shift())
        left.unshift(...(await step(chunk)));
    },
  };
}
