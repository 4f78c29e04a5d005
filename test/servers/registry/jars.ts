/** Apicurio Registry's jars, from Maven Central once, then from the cache. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';

/** 2.6 runs on Java 17; 3.x needs 21. */
const VERSION = '2.6.13.Final';
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
const JAR = `apicurio-registry-app-${VERSION}-runner.jar`;
const folder = cacheFolder('apicurio', VERSION);

const works = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

/** What lacks on this machine for a real registry, or undefined. */
export function registryLacks(): string | undefined {
  if (!works('java')) return 'Java 17 or newer (`java`; on Debian: apt-get install openjdk-17-jre-headless)';
  if (!existsSync(folder) && !works('mvn'))
    return 'Maven, for the first download (`mvn`; on Debian: apt-get install maven)';
  return undefined;
}

/** The program's jar; downloads it (142 MB with what it needs) when this machine has not got it yet. */
export function registryJar(): string {
  const lacks = registryLacks();
  if (lacks !== undefined) throw new Error(`A real schema registry needs ${lacks}, which is not here.`);
  if (!existsSync(folder)) download();
  return join(folder, JAR);
}

function run(program: string, parameters: readonly string[]): void {
  const made = spawnSync(program, parameters, { encoding: 'utf8' });
  if (made.status !== 0)
    throw new Error(
      `${program} could not fetch Apicurio; without a network nothing can be done here. It said:\n${`${made.stdout}${made.stderr}`.slice(-1500)}`,
    );
}

function download(): void {
  // A folder of this process: of two downloads at once the last to finish is as good as the first.
  const work = `${folder}.${process.pid}`;
  const archives = `${work}.archive`;
  mkdirSync(work, { recursive: true });
  console.error(`Fetching Apicurio Registry ${VERSION} from Maven Central into ${folder} (142 MB, once) ...`);
  try {
    run('mvn', ['-B', '-q', '-ntp', COPY_GOAL, `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${archives}`]);
    const [archive] = readdirSync(archives);
    run('tar', ['xzf', join(archives, archive!), '-C', work]);
    if (!existsSync(folder)) renameSync(work, folder);
  } finally {
    rmSync(archives, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
  }
}
