/** Deletes old documents on a schedule, where the index does not do it by itself. The cron library only says when; how old a document is, the clock says. */
import cron, { type ScheduledTask } from 'node-cron';
import type { IngestConfig } from '../schemas/config/ingest.ts';
import type { Clock } from '../platform/clock/clock.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { SearchIndex } from '../platform/search-index/search-index.ts';
import { ingestError } from './errors.ts';

export interface RetentionDeps {
  readonly searchIndex: SearchIndex;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Retention {
  /** Starts the schedule. Throws INGEST_SCHEDULE_INVALID. */
  start(): void;
  /** Deletes now what is too old; returns how many documents per index. An index that fails is logged and left for the next time. */
  run(): Promise<Record<string, number>>;
  /** Ends the schedule and waits for a run under way. */
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;

/** Days per index. */
export function retentionDays(config: IngestConfig['retention']): Readonly<Record<string, number>> {
  return {
    'session-events': config.sessionEventsDays,
    'session-data': config.sessionDataDays,
    detections: config.detectionsDays,
    incidents: config.incidentsDays,
    responses: config.responsesDays,
    control: config.controlDays,
    'dead-letters': config.deadLettersDays,
  };
}

export function createRetention(deps: RetentionDeps, config: IngestConfig['retention']): Retention {
  const { searchIndex, clock, log, metrics } = deps;
  const expired = metrics.counter('countersign_ingest_expired_total', 'Documents deleted by age.', ['index']);
  let task: ScheduledTask | undefined;
  let running: Promise<Record<string, number>> | undefined;
  let telling: Promise<void> | undefined;

  /** Told at each run: an index that was away at the start hears of it later, and one that was made anew hears of it again. */
  const byItself = async (index: string, days: number): Promise<boolean> =>
    searchIndex.retain === undefined ? false : searchIndex.retain(index, days);

  const expireAll = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const [index, days] of Object.entries(retentionDays(config))) {
      try {
        if (await byItself(index, days)) continue;
        const count = await searchIndex.expire(index, clock.now() - days * DAY_MS);
        counts[index] = count;
        if (count > 0) expired.add(count, { index });
      } catch (error) {
        log.error({ error, index }, 'old documents could not be deleted; the next run tries again');
      }
    }
    log.info({ counts }, 'old documents deleted from the search index');
    return counts;
  };
  const tellAll = async (): Promise<void> => {
    for (const [index, days] of Object.entries(retentionDays(config)))
      await byItself(index, days).catch((error: unknown) =>
        log.warn(
          { error, index },
          'the index could not be told how long to keep documents; the next run tries again',
        ),
      );
  };
  const run = (): Promise<Record<string, number>> => {
    running ??= expireAll().finally(() => (running = undefined));
    return running;
  };

  return {
    start() {
      if (!cron.validate(config.schedule))
        throw ingestError('INGEST_SCHEDULE_INVALID', { schedule: config.schedule });
      task ??= cron.schedule(config.schedule, async () => void (await run()), { timezone: 'Etc/UTC' });
      telling ??= tellAll();
    },
    run,
    async stop() {
      await task?.destroy();
      task = undefined;
      await telling;
      await running;
    },
  };
}
