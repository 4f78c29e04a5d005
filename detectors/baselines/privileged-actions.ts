import type { Action } from '../../schemas/types.ts';
import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

/** Risk of doing it for the first time. What is not here is not privileged. */
const FIRST_TIME_RISK: Readonly<Record<string, number>> = {
  drop: 70,
  truncate: 70,
  grant: 65,
  revoke: 45,
  role_change: 60,
  admin: 60,
  replication: 60,
  export: 55,
  opaque_code: 52,
  delete: 0,
  // Columns go with migrations, tables seldom do.
  drop_column: 50,
  alter: 35,
  create: 30,
  // On hosts.
  privilege_escalation: 48,
  persistence: 62,
  tunnel: 55,
  forward_local: 45,
  forward_remote: 55,
  forward_agent: 50,
  forward_x11: 40,
  delete_logs: 70,
  obfuscate: 50,
};
/** What on a host is everyday work, whatever its name means in a database. */
const HOST_OBJECTS: ReadonlySet<string> = new Set([
  'file',
  'folder',
  'encoding',
  'package',
  'crontab',
  'at',
  'container',
  'process',
]);
const HOST_PRIVILEGES: ReadonlySet<string> = new Set(['privilege_escalation', 'persistence', 'delete_logs']);
const WHOLE_DELETE_RISK = 68;

/** Kind of privileged action, null for the others. A delete counts where nothing restricts it. */
export function privilegedKind({ action, whole, objectKind }: Action): string | null {
  // Decoding something is not yet running it; files are made and removed all day.
  if (objectKind !== null && HOST_OBJECTS.has(objectKind) && !HOST_PRIVILEGES.has(action)) return null;
  if (action === 'delete') return whole ? 'delete of all rows' : null;
  if ((action === 'create' || action === 'alter') && objectKind === 'role') return 'role_change';
  if (action === 'drop' && objectKind === 'column') return 'drop_column';
  if (action === 'drop' && objectKind === 'index') return 'alter';
  return action in FIRST_TIME_RISK ? action : null;
}

const riskOf = (kind: string): number => FIRST_TIME_RISK[kind] ?? WHOLE_DELETE_RISK;

interface PrivilegeState {
  kinds: KnownItems;
  known: Experience;
  said: Speech;
}

/** Privileged actions that an identity never did. */
export const privilegedActionsBaseline = defineBaseline<PrivilegeState>({
  name: 'privileged-actions',
  version: '1',
  createState: () => ({ kinds: new Map(), known: createExperience(), said: createSpeech() }),
  onEvent(view, state, { mayLearn }) {
    const { body, time } = view.event;
    if (body.kind !== 'request') return NOTHING;
    const kinds = new Set<string>();
    // Dropping one's own temporary table takes nothing from anybody.
    const harmless = view.field('facts.drops_temporary').includes(true);
    for (const action of body.actions) {
      const kind = privilegedKind(action);
      if (kind !== null && !(harmless && kind === 'drop')) kinds.add(kind);
    }
    const sure = confidence(state.known, time, 60, 5);
    const first = [...kinds].filter((kind) => isNew(state.kinds, kind, time));
    if (kinds.size > 0) view.setFact('privileged_action_first', first.length > 0);
    if (mayLearn) {
      gain(state.known, time);
      for (const kind of kinds) learnItem(state.kinds, kind, time, 64);
    } else if (kinds.size > 0) forgetRecent(state.kinds, time);
    const risk = Math.round(sure * Math.max(0, ...first.map(riskOf)));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'First privileged action',
        severity: severityOf(risk),
        risk,
        reason: `${first.join(', ').replaceAll('_', ' ')} for the first time in ${figure(state.known.seen)} statements`,
        techniques: ['T1098'],
      },
    ];
  },
});
