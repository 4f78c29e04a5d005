import { identityKey } from '../engine/identity-key.ts';
import { defineBaseline, NOTHING } from './support/define-baseline.ts';
import { DAY_MS, learnItem, type KnownItems } from './support/known-items.ts';
import { privilegedKind } from './privileged-actions.ts';

const GROUPS_MAX = 512;
const MEMBERS_MAX = 64;
const PEERS_MIN = 3;
const ACTIONS_MAX = 64;

interface Group {
  members: KnownItems;
  /** Privileged action to the members that do it. */
  actions: Map<string, KnownItems>;
  since: number;
}

/**
 * What the members of a group do: a privileged action that no peer does is odd even where the identity has little history of its
 * own. Peers are those of the same partition (each partition of the log has its own state).
 */
export const peerGroupsBaseline = defineBaseline<{ groups: Map<string, Group> }>({
  name: 'peer-groups',
  version: '1',
  keyedBy: 'partition',
  createState: () => ({ groups: new Map() }),
  onEvent(view, state, { mayLearn }) {
    const { identity, body, time } = view.event;
    if (identity === null || identity.groups.length === 0 || body.kind !== 'request') return NOTHING;
    const self = identityKey(view.event);
    const kinds = new Set<string>();
    for (const action of body.actions) {
      const kind = privilegedKind(action);
      if (kind !== null) kinds.add(kind);
    }
    let judges = 0;
    const odd = new Set(kinds);
    for (const name of identity.groups.slice(0, 16)) {
      const group = state.groups.get(name);
      if (group === undefined || time - group.since < 5 * DAY_MS) continue;
      const peers = group.members.size - (group.members.has(self) ? 1 : 0);
      if (peers < PEERS_MIN) continue;
      judges += 1;
      for (const kind of kinds) {
        const doers = group.actions.get(kind);
        if (doers !== undefined && (doers.size > 1 || !doers.has(self))) odd.delete(kind);
      }
    }
    const unusual = judges > 0 && odd.size > 0;
    if (kinds.size > 0) view.setFact('group_action_unusual', unusual);
    if (mayLearn) {
      for (const name of identity.groups.slice(0, 16)) {
        let group = state.groups.get(name);
        if (group === undefined) {
          if (state.groups.size >= GROUPS_MAX) continue;
          group = { members: new Map(), actions: new Map(), since: time };
          state.groups.set(name, group);
        }
        learnItem(group.members, self, time, MEMBERS_MAX);
        // An odd action of one member does not make it usual for the others to be measured by.
        for (const kind of kinds) {
          let doers = group.actions.get(kind);
          if (doers === undefined && group.actions.size < ACTIONS_MAX) {
            doers = new Map();
            group.actions.set(kind, doers);
          }
          if (doers !== undefined) learnItem(doers, self, time, MEMBERS_MAX);
        }
      }
    }
    if (!unusual) return NOTHING;
    return [
      {
        title: 'Action unusual for its groups',
        severity: 'medium',
        risk: 30,
        reason: `no other member of ${identity.groups.slice(0, 4).join(', ')} does ${[...odd].join(', ').replaceAll('_', ' ')}`,
        techniques: ['T1078'],
      },
    ];
  },
});
