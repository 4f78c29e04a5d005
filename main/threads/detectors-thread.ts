/** The detectors on a thread of their own. */
import { readFile } from 'node:fs/promises';
import { BASELINES } from '../../detectors/baselines/registry.ts';
import { createDirectoryFile } from '../../detectors/directory/directory-file.ts';
import { EMPTY_DIRECTORY } from '../../detectors/directory/directory.ts';
import { createDetectorsRole } from '../../detectors/role.ts';
import { rulesError } from '../../detectors/rules/errors.ts';
import { libraryFolder, loadRules } from '../../detectors/rules/index.ts';
import { createRuleSet } from '../../detectors/rules/sigma/rule-set.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { DetectorsConfig } from '../../schemas/config/detectors.ts';
import { hostRole } from './host-role.ts';
import { RELOAD_QUESTION, type ReloadedDetectors } from './reload-question.ts';

export interface DetectorsThreadConfig {
  readonly detectors: DetectorsConfig;
  readonly ruleFolders: readonly string[];
  /** An event log that is away for longer makes the role not ready, milliseconds. */
  readonly awayMs: number;
}

hostRole<DetectorsThreadConfig>(async ({ config, eventLog, processName, clock, log, metrics }) => {
  const writer = await eventLog.writer(`detectors/${processName}`);
  const deadLetters = createDeadLetters({ writer, clock, log, metrics });
  const { directoryFile } = config.detectors;
  const directory =
    directoryFile === null
      ? undefined
      : createDirectoryFile({ readText: (file) => readFile(file, 'utf8'), clock, log }, directoryFile);
  const rules = createRuleSet();
  /** A mistake leaves the rules as they are, and throws the first one. */
  const loadAll = async (folders: readonly string[]): Promise<ReloadedDetectors> => {
    const compiled = loadRules([libraryFolder, ...folders]);
    const [mistake] = compiled.errors;
    if (mistake !== undefined)
      throw rulesError(mistake.code, {
        file: mistake.file,
        line: mistake.line,
        reason: mistake.reason,
      });
    await directory?.load();
    rules.replace(compiled);
    return { rules: rules.rules().length };
  };
  await loadAll(config.ruleFolders);
  directory?.follow();
  const role = createDetectorsRole(
    {
      eventLog,
      writer,
      clock,
      log,
      metrics,
      deadLetters,
      detectors: BASELINES,
      rules,
      directory: directory?.directory ?? EMPTY_DIRECTORY,
      awayMs: config.awayMs,
    },
    config.detectors,
  );
  return {
    role,
    answers: { [RELOAD_QUESTION]: (folders) => loadAll(folders as readonly string[]) },
    async close() {
      directory?.close();
      deadLetters.close();
      await writer.close();
    },
  };
});
