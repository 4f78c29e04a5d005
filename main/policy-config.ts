/** The policy of a configuration: its rules, those of its folders, and whether what evaluates Rego has all it needs. */
import { checkPlacedRules, placedInConfig, readPolicyFolders } from '../gateway/policy/policy-files.ts';
import { lineOfPath, type Problem } from '../platform/config/checked-yaml.ts';
import { isLoopback } from '../platform/network/address.ts';
import type { Config } from '../schemas/config/config.ts';
import type { PolicyConfig, PolicyRule } from '../schemas/config/policy.ts';

/** The policy that the configuration names: its own rules, then those of its folders. */
export function readPolicy(
  { policy }: Config,
  file: string,
  text: string,
): { readonly rules: readonly PolicyRule[]; readonly problems: readonly Problem[] } {
  const own = placedInConfig(policy.rules, file, text);
  const read = readPolicyFolders(policy.folders);
  const rules = [...own, ...read.rules];
  const problems = read.problems.length > 0 ? read.problems : checkPlacedRules(rules);
  return {
    rules: rules.map(({ rule }) => rule),
    problems: [...problems, ...engineProblems(policy, file, text)],
  };
}

/** A policy of Rego without what it needs is none. */
function engineProblems(policy: PolicyConfig, file: string, text: string): Problem[] {
  const problem = (path: readonly string[], reason: string): Problem => ({
    file,
    line: lineOfPath(text, path),
    path: path.join('.'),
    reason,
  });
  const { kind, rego, opa, decisionLog } = policy;
  const problems: Problem[] = [];
  if (kind === 'rego' && rego === undefined)
    problems.push(problem(['policy', 'kind'], 'the kind rego needs the section policy.rego with a bundle'));
  if (kind === 'opa' && opa === undefined)
    problems.push(
      problem(['policy', 'kind'], 'the kind opa needs the section policy.opa with the address of the server'),
    );
  if (rego !== undefined && (rego.bundleFile === undefined) === (rego.bundleUrl === undefined))
    problems.push(problem(['policy', 'rego'], 'name one bundle: bundleFile or bundleUrl'));
  const check = rego?.verification;
  if (check !== undefined && check.algorithm.startsWith('HS') !== (check.secret !== undefined))
    problems.push(
      problem(
        ['policy', 'rego', 'verification'],
        'HS algorithms need secret (and no publicKeyFile), all others publicKeyFile',
      ),
    );
  else if (check !== undefined && check.secret === undefined && check.publicKeyFile === undefined)
    problems.push(problem(['policy', 'rego', 'verification'], 'lacks publicKeyFile'));
  if (rego?.bundleUrl !== undefined && check === undefined)
    problems.push(problem(['policy', 'rego'], 'a bundle from a server must be signed: set verification'));
  const addresses: [readonly string[], string | undefined][] = [
    [['policy', 'rego', 'bundleUrl'], rego?.bundleUrl],
    [['policy', 'opa', 'url'], opa?.url],
    [['policy', 'decisionLog', 'url'], decisionLog?.url],
  ];
  for (const [path, address] of addresses) {
    const url = address === undefined ? undefined : URL.parse(address);
    if (url === null) problems.push(problem(path, 'is no address'));
    else if (url?.protocol === 'http:' && !isLoopback(url.hostname))
      problems.push(problem(path, 'must be https: it leaves this machine'));
  }
  return problems;
}
