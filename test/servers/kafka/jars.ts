/** Kafka's jars, from Maven Central once, then from the cache. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';

/** The version in pom.xml. */
export const KAFKA_VERSION = '4.4.0';
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const folder = cacheFolder('kafka', KAFKA_VERSION);
const libraries = join(folder, 'libs');

/** A class-data archive that the first broker writes when it stops; those after it start in half the time. */
export const classArchive = join(folder, 'broker.jsa');

const works = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** What lacks on this machine for a real Kafka, or undefined. */
export function kafkaLacks(): string | undefined {
  if (!works('java')) return 'Java 17 or newer (`java`; on Debian: apt-get install openjdk-17-jre-headless)';
  if (!existsSync(libraries) && !works('mvn'))
    return 'Maven, for the first download (`mvn`; on Debian: apt-get install maven)';
  return undefined;
}

/** Class path of the broker; downloads it (63 MB) when this machine has not got it yet. */
export function kafkaClassPath(): string {
  const lacks = kafkaLacks();
  if (lacks !== undefined) throw new Error(`A real Kafka needs ${lacks}, which is not here.`);
  if (!existsSync(libraries)) download();
  return readdirSync(libraries)
    .filter((name) => name.endsWith('.jar'))
    .sort()
    .map((name) => join(libraries, name))
    .join(':');
}

function download(): void {
  // A folder of this process: of two downloads at once the last to finish is as good as the first.
  const work = `${libraries}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  console.error(`Fetching Kafka ${KAFKA_VERSION} from Maven Central into ${folder} (63 MB, once) ...`);
  try {
    const made = spawnSync(
      'mvn',
      [
        '-B',
        '-q',
        '-ntp',
        '-f',
        join(import.meta.dirname, 'pom.xml'),
        `-Dkafka.version=${KAFKA_VERSION}`,
        COPY_GOAL,
        `-DoutputDirectory=${work}`,
        '-DincludeScope=runtime',
      ],
      { encoding: 'utf8' },
    );
    if (made.status !== 0 || !readdirSync(work).some((name) => name.startsWith('kafka_2.13-')))
      throw new Error(
        `Maven could not fetch Kafka; without a network nothing can be done here. It said:\n${`${made.stdout}${made.stderr}`.slice(-1500)}`,
      );
    writeFileSync(join(work, '.complete'), '');
    if (!existsSync(libraries)) renameSync(work, libraries);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
