/** What detectors said: read from a log, or said by detectors that lived all the way, on an embedded log with the same partitions. */
import Value from 'typebox/value';
import { BASELINES } from '../../../detectors/baselines/registry.ts';
import { EMPTY_DIRECTORY } from '../../../detectors/directory/directory.ts';
import { createDetectorsRole } from '../../../detectors/role.ts';
import { libraryFolder, loadRules } from '../../../detectors/rules/index.ts';
import { createRuleSet } from '../../../detectors/rules/sigma/rule-set.ts';
import { createDeadLetters } from '../../../platform/dead-letters/dead-letters.ts';
import { openEmbedded } from '../../../platform/event-log/embedded/test/harness.ts';
import type { EventLog, NewRecord } from '../../../platform/event-log/event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { DetectorsConfig } from '../../../schemas/config/detectors.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { Detection } from '../../../schemas/types.ts';
import { topicOptions } from '../../topics.ts';

/** All values of a topic. */
export async function readTopic<T>(
  eventLog: Pick<EventLog, 'read'>,
  topic: string,
  decode: (value: Uint8Array) => { ok: true; value: T } | { ok: false; reason: string },
): Promise<T[]> {
  const found: T[] = [];
  const reader = await eventLog.read({
    topic,
    onRecords(records) {
      for (const { value } of records) {
        const decoded = value === null ? undefined : decode(value);
        if (decoded?.ok === false) throw new Error(decoded.reason);
        if (decoded !== undefined) found.push(decoded.value);
      }
    },
    onFailure: () => undefined,
  });
  try {
    await reader.caughtUp();
  } finally {
    await reader.close();
  }
  return found;
}

const codec = createCodec('detection');

export const readDetections = (eventLog: Pick<EventLog, 'read'>): Promise<Detection[]> =>
  readTopic(eventLog, TOPICS.detections.name, codec.decode);

const verdicts = createCodec('verdict');

/** Offset up to which each partition of the session events was passed, inclusive. */
export async function passedOffsets(eventLog: Pick<EventLog, 'read'>): Promise<Map<number, number>> {
  const passed = new Map<number, number>();
  for (const { body } of await readTopic(eventLog, TOPICS.verdicts.name, verdicts.decode))
    if (body.kind === 'passed')
      passed.set(body.partition, Math.max(body.offset, passed.get(body.partition) ?? -1));
  return passed;
}

/** What the shipped detectors say to these session events where nothing ever happens to them. */
export async function livedDetections(
  records: readonly NewRecord[],
  partitionsCount: number,
): Promise<Detection[]> {
  const harness = openEmbedded({ segmentBytesMax: 1 << 22, tailBytesMax: 1 << 20, readBytesMax: 1 << 20 });
  const { log: eventLog, clock } = harness;
  await eventLog.ensureTopics(topicOptions(partitionsCount));
  const source = await eventLog.writer('source');
  const writer = await eventLog.writer('detectors');
  const around = { clock, log: silentLogger, metrics: createPromMetrics() };
  const rules = createRuleSet();
  rules.replace(loadRules([libraryFolder]));
  const role = createDetectorsRole(
    {
      ...around,
      eventLog,
      writer,
      deadLetters: createDeadLetters({ ...around, writer }),
      detectors: BASELINES,
      rules,
      directory: EMPTY_DIRECTORY,
    },
    Value.Default(DetectorsConfig, {}) as DetectorsConfig,
  );
  await role.start();
  for (let at = 0; at < records.length; at += 500)
    await source.append(TOPICS.sessionEvents.name, records.slice(at, at + 500));
  const ends = await eventLog.endOffsets(TOPICS.sessionEvents.name);
  for (;;) {
    const passed = await passedOffsets(eventLog);
    if (ends.every((end, partition) => end === 0 || passed.get(partition) === end - 1)) break;
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await role.stop(1000);
  const found = await readDetections(eventLog);
  await harness.end();
  return found;
}
