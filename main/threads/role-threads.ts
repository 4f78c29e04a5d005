/** The roles that have threads of their own, and what those are started with. */
import type { Config } from '../../schemas/config/config.ts';
import type { DetectorsThreadConfig } from './detectors-thread.ts';
import type { IngestThreadConfig } from './ingest-thread.ts';
import { RELOAD_QUESTION, type ReloadedDetectors } from './reload-question.ts';
import { createThreadedRole, type ThreadedRole, type ThreadedRoleDeps } from './threaded-role.ts';

const moduleOf = (name: string): URL =>
  new URL(`./${name}-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

export function ingestThread(deps: ThreadedRoleDeps, config: Config): ThreadedRole {
  const { searchIndex, ingest, dataFolder, sinks, health } = config;
  const own: IngestThreadConfig = { searchIndex, ingest, dataFolder, sinks, awayMs: health.awayMs };
  return createThreadedRole('ingest', moduleOf('ingest'), deps, own);
}

export interface DetectorsThread {
  readonly role: ThreadedRole;
  /** Reads the rules of these folders, and the directory, again. */
  reload(ruleFolders: readonly string[]): Promise<ReloadedDetectors>;
}

export function detectorsThread(deps: ThreadedRoleDeps, config: Config): DetectorsThread {
  // What the thread is started with, also when it is started again.
  const own: { -readonly [K in keyof DetectorsThreadConfig]: DetectorsThreadConfig[K] } = {
    detectors: config.detectors,
    ruleFolders: config.ruleFolders,
    awayMs: config.health.awayMs,
  };
  const role = createThreadedRole('detectors', moduleOf('detectors'), deps, own);
  return {
    role,
    async reload(ruleFolders) {
      const reloaded = await role.ask<ReloadedDetectors>(RELOAD_QUESTION, ruleFolders);
      own.ruleFolders = ruleFolders;
      return reloaded;
    },
  };
}
