/** The same events through detectors that never crash: what they say is what must have been said. */
import { createDetectorsRole } from '../../detectors/role.ts';
import { EMPTY_DIRECTORY } from '../../detectors/directory/directory.ts';
import { topicOptions } from '../../main/topics.ts';
import { createManualClock, createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import { createSimulatedDisk } from '../../platform/disk/simulated-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import type { LogRecord } from '../../platform/event-log/event-log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Detection } from '../../schemas/types.ts';
import { simulatedDetectors } from './detectors.ts';
import { detectorsConfig, PARTITIONS, simulatedLogConfig } from './installation.ts';
import { detectionsIn } from './records.ts';
import { turns } from './turns.ts';
import type { World } from './world.ts';

export async function referenceDetections(world: World, records: readonly LogRecord[]): Promise<Detection[]> {
  const clock = createManualClock(Math.floor(world.clock.now()));
  const random = createSeededRandom(1);
  const quiet = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
  const common = { clock, log: quiet, metrics: world.metrics };
  const log = createEmbeddedEventLog(
    { ...common, disk: createSimulatedDisk({ clock, random }), random },
    simulatedLogConfig('process'),
  );
  await log.ensureTopics(topicOptions(PARTITIONS));
  const source = await log.writer('source');
  const writer = await log.writer('detectors');
  const role = createDetectorsRole(
    {
      ...common,
      eventLog: log,
      writer,
      deadLetters: createDeadLetters({ ...common, writer }),
      detectors: simulatedDetectors,
      directory: EMPTY_DIRECTORY,
    },
    detectorsConfig,
  );
  await source.append(
    TOPICS.sessionEvents.name,
    records.map(({ key, value, partition }) => ({ key, value, partition })),
  );
  await role.start();
  // A gap's patience and a commit's period are over after this; the streams are read to their ends long before.
  for (let passed = 0; passed < 3000; passed += 100) {
    clock.advance(100);
    await turns(1);
  }
  if (!role.health().ready) throw new Error(`reference: ${role.health().reason}`);
  await role.stop(0);
  const found = await detectionsIn(log);
  await log.close();
  return found;
}

/** Detections that one side has and the other has not. */
export function compareDetections(
  world: World,
  said: readonly Detection[],
  expected: readonly Detection[],
): void {
  const ids = (detections: readonly Detection[]): Map<string, Detection> =>
    new Map(detections.map((detection) => [detection.detectionId, detection]));
  const [actual, wanted] = [ids(said), ids(expected)];
  for (const [id, { detector, reason }] of wanted)
    if (!actual.has(id)) world.broken('detections survive crashes', `missing: ${detector}: ${reason}`);
  for (const [id, { detector, reason }] of actual)
    if (!wanted.has(id)) world.broken('detections survive crashes', `too much: ${detector}: ${reason}`);
}
