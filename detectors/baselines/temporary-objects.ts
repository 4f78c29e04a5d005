import type { Action } from '../../schemas/types.ts';
import { defineBaseline, NOTHING } from './support/define-baseline.ts';

const SESSIONS_MAX = 64;
const NAMES_MAX = 64;
const TEMPORARY = 'pg_temp.';
/** Bare names only: a qualified one, or CASCADE, reaches what is not the session's own. */
const BARE_DROP = /^\s*drop\s+table\s+(?:if\s+exists\s+)?"?\w+"?(?:\s*,\s*"?\w+"?)*\s*;?\s*$/i;
const GONE_AT_COMMIT = /\bon\s+commit\s+drop\b/i;

interface SessionObjects {
  /** Temporary tables that the session has. */
  made: string[];
  /** Asked for, not answered yet. */
  asked: { requestId: string; names: string[] } | null;
}

const bareName = ({ object }: Action): string => object!.slice(object!.lastIndexOf('.') + 1);
const ofKind = (actions: readonly Action[], wanted: string): Action[] =>
  actions.filter(({ action, object }) => action === wanted && object !== null);

/**
 * Establishes whether a command only drops temporary tables that its session made: `facts.drops_temporary`. When in doubt (a failed
 * creation, the end of a transaction, a qualified name) it is a drop like any other, since the name may then be that of a real table.
 */
export const temporaryObjectsBaseline = defineBaseline<{ sessions: Map<string, SessionObjects> }>({
  name: 'temporary-objects',
  version: '1',
  createState: () => ({ sessions: new Map() }),
  onEvent(view, state) {
    const { body, session, requestId } = view.event;
    if (session === null) return NOTHING;
    const own = state.sessions.get(session.id);
    if (body.kind === 'session_closed') state.sessions.delete(session.id);
    if (body.kind === 'response' && own?.asked?.requestId === requestId) {
      if (body.status === 'ok') own.made = [...own.made, ...own.asked.names].slice(-NAMES_MAX);
      own.asked = null;
    }
    if (body.kind !== 'request') return NOTHING;
    const drops = ofKind(body.actions, 'drop');
    if (drops.length > 0 && own !== undefined) {
      const bare = body.actions.length === drops.length && BARE_DROP.test(body.text ?? '');
      const names = drops.map(bareName);
      if (bare && names.every((name) => own.made.includes(name))) view.setFact('drops_temporary', true);
      own.made = own.made.filter((name) => !names.includes(name));
    }
    if (own !== undefined && body.actions.some(({ action }) => action === 'transaction')) own.made = [];
    const creates = ofKind(body.actions, 'create').filter(({ object }) => object!.startsWith(TEMPORARY));
    if (creates.length === 0 || requestId === null || GONE_AT_COMMIT.test(body.text ?? '')) return NOTHING;
    if (own === undefined && state.sessions.size >= SESSIONS_MAX)
      state.sessions.delete(state.sessions.keys().next().value!);
    const asked = { requestId, names: creates.map(bareName).slice(0, NAMES_MAX) };
    state.sessions.set(session.id, { made: own?.made ?? [], asked });
    return NOTHING;
  },
});
