/** Playbooks as the control API shows them: those in force here, or, where responders run elsewhere, those of the configuration. */
import type { Playbook } from '../responders/playbooks/playbook.ts';
import { LIBRARY, readPlaybooks } from '../responders/playbooks/playbook-set.ts';
import type { RespondersRole } from '../responders/role.ts';
import type { PlaybookAnswer } from '../schemas/api/responses.ts';
import type { Config } from '../schemas/config/config.ts';

const describe = (playbook: Playbook): PlaybookAnswer => ({
  name: playbook.name,
  title: playbook.title,
  description: playbook.description,
  version: playbook.version,
  mode: playbook.mode,
  steps: playbook.steps.map(({ id, action, onFailure }) => ({ id, action: action.name, onFailure })),
  budget: playbook.budget ?? null,
  file: playbook.file,
});

/** The playbooks in force in this process. */
export const describePlaybooks = (role: Pick<RespondersRole, 'playbooks'>): PlaybookAnswer[] =>
  role.playbooks().map(describe);

/** As their files are now; none where one has a mistake, which the responders then report. */
export function describeConfiguredPlaybooks({ responders }: Pick<Config, 'responders'>): PlaybookAnswer[] {
  const read = readPlaybooks([LIBRARY, ...responders.playbookFolders]);
  if (!read.ok) return [];
  return read.value.filter(({ name }) => !responders.playbooksOff.includes(name)).map(describe);
}
