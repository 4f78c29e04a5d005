/** Loads the configuration: the file, then the environment, then the schema's defaults. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  readCheckedYaml,
  formatProblem,
  type Checked,
  type Problem,
} from '../platform/config/checked-yaml.ts';
import { applyEnvironment, settingOf } from '../platform/config/environment.ts';
import { configError } from '../platform/config/errors.ts';
import { Config } from '../schemas/config/config.ts';
import { checkConfigFiles } from './config-files.ts';
import { readPolicy } from './policy-config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

function readText(file: string | undefined): string {
  if (file === undefined) return '';
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw configError('CONFIG_FILE_UNREADABLE', { file, reason }, cause);
  }
}

/**
 * Checks a configuration file with all that it names (policy, playbooks, rules, directory); without one, the environment over the
 * defaults. Throws CONFIG_FILE_UNREADABLE.
 */
export function checkConfig(file: string | undefined, environment: Environment): Checked<Config> {
  const text = readText(file);
  const name = file ?? 'environment';
  const checked = readCheckedYaml(name, text, Config, (value) => applyEnvironment(value, environment));
  if (!checked.ok)
    return {
      ok: false,
      problems: inOrder(checked.problems.map((problem) => blameVariable(problem, environment))),
    };
  const value = resolveFolders(checked.value);
  // Once: what was checked is what comes into force.
  const policy = readPolicy(value, name, text);
  const problems = [...policy.problems, ...checkConfigFiles(value, name, text)];
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { ...value, policy: { ...value.policy, rules: [...policy.rules] } } };
}

/** The configuration, or CONFIG_INVALID with every mistake. */
export function loadConfig(file: string | undefined, environment: Environment): Config {
  const checked = checkConfig(file, environment);
  if (checked.ok) return checked.value;
  const problems = checked.problems.map(formatProblem);
  throw configError('CONFIG_INVALID', {
    problems: problems.length === 1 ? problems[0]! : `\n  ${problems.join('\n  ')}`,
  });
}

const inOrder = (problems: readonly Problem[]): Problem[] =>
  problems.toSorted((one, other) => one.line - other.line);

/** A mistake that a variable of the environment brought is not the file's. */
function blameVariable(problem: Problem, environment: Environment): Problem {
  const variable = Object.keys(environment).find((name) => {
    const setting = environment[name] === undefined ? undefined : settingOf(name)?.join('.');
    return (
      setting !== undefined &&
      (setting === problem.path ||
        problem.path.startsWith(`${setting}.`) ||
        // A section that does not exist: the variable lies below it.
        (problem.reason === 'no such field' && setting.startsWith(`${problem.path}.`)))
    );
  });
  return variable === undefined ? problem : { ...problem, file: `environment variable ${variable}`, line: 0 };
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
