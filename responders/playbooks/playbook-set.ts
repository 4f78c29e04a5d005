import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { formatProblem, type Checked, type Problem } from '../../platform/config/checked-yaml.ts';
import { respondersError } from '../errors.ts';
import type { ActionServices } from '../actions/action.ts';
import { parsePlaybook } from './parse-playbook.ts';
import type { Playbook } from './playbook.ts';
import { failedCases } from './run-cases.ts';

/** Folder of the playbooks that come with the program. */
export const LIBRARY = join(import.meta.dirname, 'library');
const PLAYBOOKS_MAX = 1000;

/** Reads all playbooks of the folders; a later folder's playbook replaces an earlier one of the same name. */
export function readPlaybooks(folders: readonly string[], services?: ActionServices): Checked<Playbook[]> {
  const problems: Problem[] = [];
  const byName = new Map<string, Playbook>();
  for (const folder of folders) {
    const inFolder = new Map<string, string>();
    let files: string[];
    try {
      files = readdirSync(folder)
        .filter((file) => /\.ya?ml$/.test(file))
        .sort();
    } catch (error) {
      problems.push({ file: folder, line: 0, path: '', reason: (error as Error).message });
      continue;
    }
    for (const name of files) {
      const path = join(folder, name);
      const shown = folder === LIBRARY ? relative(join(LIBRARY, '..', '..', '..'), path) : path;
      const checked = parsePlaybook(shown, readFileSync(path, 'utf8'), services);
      if (!checked.ok) {
        problems.push(...checked.problems);
        continue;
      }
      const playbook = checked.value;
      const twin = inFolder.get(playbook.name);
      if (twin !== undefined)
        problems.push({
          file: shown,
          line: 1,
          path: 'name',
          reason: `${twin} has the name ${playbook.name} too`,
        });
      for (const reason of failedCases(playbook))
        problems.push({ file: shown, line: 1, path: 'cases', reason });
      inFolder.set(playbook.name, shown);
      byName.set(playbook.name, playbook);
    }
  }
  if (byName.size > PLAYBOOKS_MAX)
    problems.push({
      file: folders.at(-1)!,
      line: 0,
      path: '',
      reason: `more than ${PLAYBOOKS_MAX} playbooks`,
    });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: [...byName.values()] };
}

export interface PlaybookSet {
  all(): readonly Playbook[];
  named(name: string): Playbook | undefined;
  /** Reads the files again. With a mistake the old ones stay in force, and the mistakes are returned. */
  reload(): readonly Problem[];
}

/** The playbooks in force. Throws RESPONDERS_PLAYBOOK_INVALID where the first read finds a mistake. */
export function createPlaybookSet(
  options: { readonly folders: readonly string[]; readonly off: readonly string[] },
  services: ActionServices,
): PlaybookSet {
  let current: readonly Playbook[] = [];
  const load = (): readonly Problem[] => {
    const read = readPlaybooks([LIBRARY, ...options.folders], services);
    if (!read.ok) return read.problems;
    current = read.value.filter(({ name }) => !options.off.includes(name));
    return [];
  };
  const problems = load();
  if (problems.length > 0)
    throw respondersError('RESPONDERS_PLAYBOOK_INVALID', {
      problems: problems.map(formatProblem).join('; '),
    });
  return {
    all: () => current,
    named: (name) => current.find((playbook) => playbook.name === name),
    reload: load,
  };
}
