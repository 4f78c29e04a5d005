/** The rules that a command of the policy is about: of files and folders, of a configuration, or the shipped ones. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  checkPlacedRules,
  placedInConfig,
  readPolicyFiles,
  readPolicyFolders,
  type PlacedRule,
} from '../../gateway/policy/policy-files.ts';
import type { Problem } from '../../platform/config/checked-yaml.ts';
import type { PolicyConfig } from '../../schemas/config/policy.ts';
import { checkConfig, type Environment } from '../config.ts';

export interface ReadRules {
  /** For people: where they stand. */
  readonly from: string;
  readonly rules: readonly PlacedRule[];
  readonly problems: readonly Problem[];
  /** Of the configuration, where the rules are its. */
  readonly config: PolicyConfig | undefined;
  /** Protocols of the configuration's connections. */
  readonly protocols: ReadonlyMap<string, string>;
}

const SHIPPED = fileURLToPath(new URL('../../gateway/policy/default-policy.yaml', import.meta.url));

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const isConfig = (text: string): boolean => /^(policy|dataFolder|connections|gateway):/m.test(text);

/** Policy files, folders of them, or one configuration; none: COUNTERSIGN_CONFIG, else the shipped policy. */
export function readRules(named: readonly string[], environment: Environment): ReadRules {
  const given = named.length > 0 ? named : [environment['COUNTERSIGN_CONFIG'] ?? SHIPPED];
  const [only] = given;
  if (given.length === 1 && !isFolder(only!) && isConfigFile(only!)) return ofConfig(only!, environment);
  const read = [
    readPolicyFolders(given.filter(isFolder)),
    readPolicyFiles(given.filter((path) => !isFolder(path))),
  ];
  const rules = read.flatMap((one) => one.rules);
  const problems = read.flatMap((one) => one.problems);
  return {
    from: only === SHIPPED ? 'the shipped policy' : given.join(', '),
    rules,
    problems: problems.length > 0 ? problems : checkPlacedRules(rules),
    config: undefined,
    protocols: new Map(),
  };
}

function isConfigFile(file: string): boolean {
  try {
    return isConfig(readFileSync(file, 'utf8'));
  } catch {
    // Said by whoever reads it.
    return false;
  }
}

function ofConfig(file: string, environment: Environment): ReadRules {
  const checked = checkConfig(file, environment);
  if (!checked.ok)
    return { from: file, rules: [], problems: checked.problems, config: undefined, protocols: new Map() };
  const { policy, connections } = checked.value;
  const protocols = new Map(connections.map(({ name, protocol }) => [name, protocol]));
  const own = { from: file, config: policy, protocols };
  if (policy.rules.length === 0 && policy.kind === 'built_in')
    return { ...own, ...readPolicyFiles([SHIPPED]), from: `${file} (the shipped policy)` };
  const text = readFileSync(file, 'utf8');
  const fromFolders = readPolicyFolders(policy.folders).rules;
  const inFile = policy.rules.slice(0, policy.rules.length - fromFolders.length);
  return { ...own, rules: [...placedInConfig(inFile, file, text), ...fromFolders], problems: [] };
}
