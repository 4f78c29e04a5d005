/** The detectors on a thread of their own. */
import { readFileSync } from 'node:fs';
import { createReloadableDirectory } from '../../detectors/directory/directory.ts';
import { detectorsError } from '../../detectors/errors.ts';
import { createDetectorsRole } from '../../detectors/role.ts';
import { createShippedDetectors } from '../../detectors/shipped-detectors.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { DetectorsConfig } from '../../schemas/config/detectors.ts';
import { hostRole } from './host-role.ts';

export interface DetectorsThreadConfig {
  readonly detectors: DetectorsConfig;
  readonly ruleFolders: readonly string[];
}

hostRole<DetectorsThreadConfig>(async ({ config, eventLog, clock, log, metrics }) => {
  const writer = await eventLog.writer('detectors');
  const deadLetters = createDeadLetters({ writer, clock, log, metrics });
  const { directoryFile } = config.detectors;
  const directory = createReloadableDirectory();
  const loadDirectory = (): readonly string[] =>
    directoryFile === null ? [] : directory.reload(directoryFile, readFileSync(directoryFile, 'utf8'));
  const problems = loadDirectory();
  if (problems.length > 0)
    throw detectorsError('DETECTORS_DIRECTORY_INVALID', { problems: problems.join('; ') });
  const detectors = createShippedDetectors(config.ruleFolders);
  const role = createDetectorsRole(
    {
      eventLog,
      writer,
      clock,
      log,
      metrics,
      deadLetters,
      detectors,
      directory,
    },
    config.detectors,
  );
  return {
    role,
    async close() {
      deadLetters.close();
      await writer.close();
    },
  };
});
