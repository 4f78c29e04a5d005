import { dirname, join } from 'node:path';
import type { Random } from '../../clock/clock.ts';
import type { Disk } from '../../disk/disk.ts';
import { eventLogError } from '../errors.ts';
import type { TopicOptions } from '../event-log.ts';

/** Writes a small file whole: a temporary one, flushed, renamed. */
export function writeWhole(disk: Disk, path: string, text: string): void {
  disk.remove(`${path}.new`);
  const file = disk.open(`${path}.new`);
  file.append(Buffer.from(text));
  file.flushSync();
  file.close();
  disk.rename(`${path}.new`, path);
  disk.syncFolder(dirname(path));
}

function readWhole(disk: Disk, path: string): string {
  const file = disk.open(path);
  const text = file.readSync(0, file.size()).toString();
  file.close();
  return text;
}

function readJson(disk: Disk, folder: string, path: string): unknown {
  try {
    return JSON.parse(readWhole(disk, path)) as unknown;
  } catch (error) {
    throw eventLogError('EVENT_LOG_FORMAT', { folder, reason: `${path} is not JSON` }, error);
  }
}

const FORMAT = 1;

/** The salt of the log in `folder`, which is made where absent. */
export function openLogFolder(disk: Disk, folder: string, random: Random): number {
  const path = join(folder, 'log.json');
  disk.makeFolder(join(folder, 'topics'));
  if (disk.exists(path)) {
    const read = readJson(disk, folder, path) as { format?: number; salt?: number };
    if (read.format !== FORMAT || typeof read.salt !== 'number')
      throw eventLogError('EVENT_LOG_FORMAT', {
        folder,
        reason: `its format is ${String(read.format)}, not ${FORMAT}`,
      });
    return read.salt;
  }
  if (disk.list(join(folder, 'topics')).length > 0)
    throw eventLogError('EVENT_LOG_FORMAT', { folder, reason: 'log.json is missing, but topics are there' });
  const salt = random.bytes(4).readUInt32BE();
  writeWhole(disk, path, JSON.stringify({ format: FORMAT, salt }));
  return salt;
}

/** The topics that are there. A folder without its topic.json was never acknowledged. */
export function findTopics(disk: Disk, folder: string): TopicOptions[] {
  const topics = join(folder, 'topics');
  return disk
    .list(topics)
    .filter((name) => disk.exists(join(topics, name, 'topic.json')))
    .map((name) => readJson(disk, folder, join(topics, name, 'topic.json')) as TopicOptions);
}

export function saveTopic(disk: Disk, folder: string, topic: TopicOptions): void {
  const at = join(folder, 'topics', topic.name);
  disk.makeFolder(at);
  disk.syncFolder(join(folder, 'topics'));
  writeWhole(disk, join(at, 'topic.json'), JSON.stringify(topic));
}
