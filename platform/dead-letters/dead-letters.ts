/** Where a stage gives up a record that it can never process, so that the partition moves on and nothing is lost. */
import { createCodec, type Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { DeadLetter } from '../../schemas/types.ts';
import type { Clock } from '../clock/clock.ts';
import { isCountersignError } from '../errors/errors.ts';
import type { LogRecord, LogWriter } from '../event-log/event-log.ts';
import type { Logger } from '../log/log.ts';
import type { Metrics } from '../metrics/metrics.ts';

export interface DeadLettersDeps {
  readonly writer: LogWriter;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Codec of dead letters; createCodec's where absent. */
  readonly codec?: Codec<DeadLetter>;
}

export interface DeadLetters {
  /**
   * Resolves when the record is in countersign.dead-letters; while the log is away it tries again. Rejects when the writer
   * is fenced or `close` was called: then the record's offset must not be committed.
   * `stage` is who gives up (detectors, responders, ingest/index, ...), `code` an error code of the catalogue.
   */
  give(record: LogRecord, stage: string, code: string, reason: string): Promise<void>;
  /** Ends the waiting of those who try again. */
  close(): void;
}

const RETRY_DELAY_MS_MIN = 100;
const RETRY_DELAY_MS_MAX = 5000;
/** A reason may quote its input; more than this helps nobody. */
const REASON_CHARS_MAX = 2000;

export function createDeadLetters(deps: DeadLettersDeps): DeadLetters {
  const { writer, clock, log, metrics } = deps;
  const codec = deps.codec ?? createCodec('dead-letter');
  const given = metrics.counter('countersign_dead_letters_total', 'Records given up to dead-letters.', [
    'topic',
    'stage',
    'code',
  ]);
  const closing = new AbortController();

  const append = async (letter: DeadLetter): Promise<void> => {
    const record = { key: letter.sourceTopic, value: codec.encode(letter) };
    for (let delayMs = RETRY_DELAY_MS_MIN; ; delayMs = Math.min(RETRY_DELAY_MS_MAX, delayMs * 2)) {
      closing.signal.throwIfAborted();
      try {
        await writer.append(TOPICS.deadLetters.name, [record]);
        return;
      } catch (error) {
        if (isCountersignError(error, 'EVENT_LOG_FENCED')) throw error;
        log.warn({ error, delayMs }, 'a dead letter could not be written; trying again');
        await clock.sleep(delayMs, closing.signal);
      }
    }
  };

  return {
    async give(record, stage, code, reason) {
      await append({
        time: clock.now(),
        sourceTopic: record.topic,
        sourcePartition: record.partition,
        sourceOffset: record.offset,
        stage,
        code,
        reason: reason.slice(0, REASON_CHARS_MAX).toWellFormed(),
        key: record.key === null ? null : Buffer.from(record.key),
        value: Buffer.from(record.value ?? []),
      });
      given.add(1, { topic: record.topic, stage, code });
      const { topic, partition, offset } = record;
      log.warn({ topic, partition, offset, stage, code, reason }, 'record given to dead-letters');
    },
    close: () => closing.abort(new Error('dead letters are closed')),
  };
}
