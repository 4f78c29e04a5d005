/** What a configuration names or holds beyond its schema: policy, playbooks, rules, directory. Every mistake with file and line. */
import { findProtocol } from '../gateway/protocols/registry.ts';
import { isLoopback } from '../platform/network/address.ts';
import { readFileSync } from 'node:fs';
import { readDirectory } from '../detectors/directory/directory.ts';
import { libraryFolder, loadRules } from '../detectors/rules/index.ts';
import { compileRule } from '../gateway/policy/compile-rule.ts';
import { checkPolicyCases } from '../gateway/policy/policy-cases.ts';
import { isCountersignError } from '../platform/errors/errors.ts';
import { lineOfPath, type Problem } from '../platform/config/checked-yaml.ts';
import { LIBRARY, readPlaybooks } from '../responders/playbooks/playbook-set.ts';
import type { ActionServices } from '../responders/actions/action.ts';
import type { Config } from '../schemas/config/config.ts';
import type { PolicyRule } from '../schemas/config/policy.ts';

/** The notifier that is always there. */
const LOG_NOTIFIER = 'log';

function ruleProblem(rule: PolicyRule, earlier: readonly PolicyRule[]): string | undefined {
  if (earlier.some(({ name }) => name === rule.name)) return 'the name is taken by a rule above';
  try {
    compileRule(rule);
    return undefined;
  } catch (error) {
    if (isCountersignError(error)) return String(error.details['reason']);
    throw error;
  }
}

/** Mistakes in the policy's rules, and cases that the policy does not keep. `text` is the file they stand in. */
function checkPolicy(rules: readonly PolicyRule[], file: string, text: string): Problem[] {
  const problems: Problem[] = [];
  const problem = (index: number, rule: string, reason: string, within: readonly string[] = []): void => {
    const path = ['policy', 'rules', String(index), ...within];
    problems.push({
      file,
      line: lineOfPath(text, path),
      path: path.join('.'),
      reason: `rule "${rule}": ${reason}`,
    });
  };
  for (const [index, rule] of rules.entries()) {
    const reason = ruleProblem(rule, rules.slice(0, index));
    if (reason !== undefined) problem(index, rule.name, reason);
  }
  if (problems.length > 0 || rules.length === 0) return problems;
  for (const { rule, name, expected, actual, decidedBy } of checkPolicyCases({ rules: [...rules] })) {
    const index = rules.findIndex((candidate) => candidate.name === rule);
    const at = rules[index]!.cases!.findIndex((candidate) => candidate.name === name);
    const reason = `the case "${name}" expects ${expected}, but ${decidedBy} says ${actual}`;
    problem(index, rule, reason, ['cases', String(at)]);
  }
  return problems;
}

function checkPlaybooks({ responders }: Config): Problem[] {
  const names = [LOG_NOTIFIER, ...responders.notifiers.map(({ name }) => name)];
  const unused = (): never => {
    throw new Error('a check calls nobody');
  };
  const services: ActionServices = {
    controlApi: new Proxy({} as ActionServices['controlApi'], { get: () => unused }),
    notifiers: { has: (name) => names.includes(name), names: () => names, send: unused },
  };
  const read = readPlaybooks([LIBRARY, ...responders.playbookFolders], services);
  return read.ok ? [] : [...read.problems];
}

function checkRules({ ruleFolders }: Config): Problem[] {
  return loadRules([libraryFolder, ...ruleFolders]).errors.map(({ file, line, reason }) => ({
    file,
    line,
    path: '',
    reason,
  }));
}

function checkDirectory({ detectors: { directoryFile } }: Config): Problem[] {
  if (directoryFile === null) return [];
  let text: string;
  try {
    text = readFileSync(directoryFile, 'utf8');
  } catch (error) {
    const reason = `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    return [{ file: directoryFile, line: 0, path: '', reason }];
  }
  const read = readDirectory(directoryFile, text);
  return read.ok ? [] : [...read.problems];
}

/** What the protocols say against the connections of the file. */
function checkConnections({ connections }: Config, file: string, text: string): Problem[] {
  return connections.flatMap((connection, index) => {
    const problem = findProtocol(connection.protocol)?.checkConnection?.(connection);
    if (problem === undefined) return [];
    const path = ['connections', String(index), 'options'];
    const reason = `${problem.message} (${problem.code}). ${problem.hint}`;
    return [{ file, line: lineOfPath(text, path), path: path.join('.'), reason }];
  });
}

/** The token of the responders goes to these addresses. */
function checkGatewayUrls({ responders }: Config, file: string, text: string): Problem[] {
  return (responders.controlApi?.urls ?? []).flatMap((address, index) => {
    const url = URL.parse(address);
    const reason =
      url === null
        ? 'is no address'
        : url.protocol === 'http:' && !isLoopback(url.hostname)
          ? 'must be https: a token would go over the network in the clear'
          : undefined;
    if (reason === undefined) return [];
    const path = ['responders', 'controlApi', 'urls', String(index)];
    return [{ file, line: lineOfPath(text, path), path: path.join('.'), reason }];
  });
}

/** All mistakes, of all parts. `file` and `text` are the configuration file itself. */
export function checkConfigFiles(config: Config, file: string, text: string): Problem[] {
  return [
    ...checkPolicy(config.policy.rules, file, text),
    ...checkConnections(config, file, text),
    ...checkGatewayUrls(config, file, text),
    ...checkPlaybooks(config),
    ...checkRules(config),
    ...checkDirectory(config),
  ];
}
