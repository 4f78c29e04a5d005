/** Reads policy, playbooks, rules and directory again while everything runs. All of it comes into force, or nothing does. */
import type { FileProblem, LocalReload } from '../schemas/api/reload.ts';
import type { Checked, Problem } from '../platform/config/checked-yaml.ts';
import type { ReplaceablePolicy } from '../gateway/policy/replaceable-policy.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Config } from '../schemas/config/config.ts';

export interface ReloadDeps {
  /** Reads and checks the configuration as it is now. */
  readonly readConfig: () => Checked<Config>;
  /** Of the gateway of this process, where it has one. */
  readonly policy: () => Pick<ReplaceablePolicy, 'replace' | 'refresh'> | undefined;
  /** How many are in force, or the mistakes. */
  readonly playbooks: () => { readonly count: number; readonly problems: readonly Problem[] };
  /** Rules and directory live on the detectors' thread. */
  readonly detectors: (config: Config) => Promise<{ readonly rules: number }>;
  readonly log: Logger;
}

/** What a reload takes over; everything else waits for a restart. */
const TAKEN_OVER = new Set(['policy.rules', 'policy.folders', 'ruleFolders']);

/** Dotted paths at which two configurations differ; lists are compared as a whole. */
export function differences(one: unknown, other: unknown, path = ''): string[] {
  if (JSON.stringify(one) === JSON.stringify(other)) return [];
  const isTree = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isTree(one) || !isTree(other)) return [path];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys
    .map((key) => [key, path === '' ? key : `${path}.${key}`] as const)
    .filter(([, place]) => !TAKEN_OVER.has(place))
    .flatMap(([key, place]) => differences(one[key], other[key], place));
}

export function createReloader(deps: ReloadDeps, running: Config): () => Promise<LocalReload> {
  const { log } = deps;
  let last: Promise<unknown> = Promise.resolve();
  const counts = { policyRules: 0, playbooks: 0, rules: 0 };

  const refuse = (problems: readonly FileProblem[]): LocalReload => {
    log.warn({ problems }, 'a reload found mistakes; what was in force stays so');
    return { applied: false, problems: [...problems], ...counts, restartNeeded: [] };
  };
  const reload = async (): Promise<LocalReload> => {
    const checked = deps.readConfig();
    if (!checked.ok) return refuse(checked.problems);
    const config = checked.value;
    // A bundle comes into force by itself whenever it is found; one that is refused must not go unnoticed here.
    const policy = deps.policy();
    const fault = await policy?.refresh();
    if (fault !== undefined)
      return refuse([
        { file: 'policy', line: 0, path: '', reason: `${fault.message} (${fault.code}). ${fault.hint}` },
      ]);
    // Playbooks are read by who runs them: a file that changed since the check is found here, before anything is taken over.
    const playbooks = deps.playbooks();
    if (playbooks.problems.length > 0) return refuse(playbooks.problems);
    counts.rules = (await deps.detectors(config)).rules;
    counts.policyRules = policy?.replace(config.policy.rules) ?? 0;
    counts.playbooks = playbooks.count;
    const restartNeeded = differences(running, config);
    log.info({ ...counts, restartNeeded }, 'policy, playbooks, rules and directory were read again');
    return { applied: true, problems: [], ...counts, restartNeeded };
  };
  return () => {
    // One after another: two at once could end with the older state.
    const next = last.then(reload, reload);
    last = next;
    return next;
  };
}
