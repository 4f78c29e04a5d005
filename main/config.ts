/** Loads the configuration: the file, then the environment, then the schema's defaults. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readCheckedYaml, formatProblem, type Checked } from '../platform/config/checked-yaml.ts';
import { applyEnvironment } from '../platform/config/environment.ts';
import { configError } from '../platform/config/errors.ts';
import { Config } from '../schemas/config/config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Checks a configuration file; without one, the environment over the defaults. Throws CONFIG_FILE_UNREADABLE. */
export function checkConfig(file: string | undefined, environment: Environment): Checked<Config> {
  let text = '';
  if (file !== undefined) {
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw configError(
        'CONFIG_FILE_UNREADABLE',
        { file, reason: (cause as NodeJS.ErrnoException).code ?? 'unknown' },
        cause,
      );
    }
  }
  const checked = readCheckedYaml(file ?? 'environment', text, Config, (value) =>
    applyEnvironment(value, environment),
  );
  return checked.ok ? { ok: true, value: resolveFolders(checked.value) } : checked;
}

/** The configuration, or CONFIG_INVALID with every mistake. */
export function loadConfig(file: string | undefined, environment: Environment): Config {
  const checked = checkConfig(file, environment);
  if (checked.ok) return checked.value;
  throw configError('CONFIG_INVALID', { problems: checked.problems.map(formatProblem).join('; ') });
}

/** Folders that are not named stand in the data folder. */
function resolveFolders(config: Config): Config {
  const dataFolder = resolve(config.dataFolder);
  const inData = (folder: string, name: string): string =>
    folder === '' ? join(dataFolder, name) : resolve(folder);
  return {
    ...config,
    dataFolder,
    gateway: {
      ...config.gateway,
      spoolFolder: inData(config.gateway.spoolFolder, 'spool'),
      recordingFolder: inData(config.gateway.recordingFolder, 'recordings-local'),
    },
    eventLog: { ...config.eventLog, folder: inData(config.eventLog.folder, 'event-log') },
    recordingStore: { ...config.recordingStore, folder: inData(config.recordingStore.folder, 'recordings') },
  };
}
