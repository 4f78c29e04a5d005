/** The shipped rules, and detectors of the simulator's own whose state shows every event that was lost or counted twice. */
import { createShippedDetectors } from '../../detectors/shipped-detectors.ts';
import type { Detector } from '../../detectors/detector.ts';
import { defineBaseline } from '../../detectors/baselines/support/define-baseline.ts';

/** Speaks at every seventh request of an identity: a lost or doubled event shifts all that follow. */
const everySeventh: Detector = defineBaseline<{ requests: number }>({
  name: 'simulator-count',
  version: '1',
  createState: () => ({ requests: 0 }),
  onEvent({ event }, state) {
    if (event.body.kind !== 'request') return [];
    state.requests += 1;
    if (state.requests % 7 !== 0) return [];
    return [{ title: 'seventh', severity: 'low', risk: 2, reason: `request ${state.requests}` }];
  },
});

/** Speaks at each session of a credential source: whether everything comes through the re-keyed events. */
const sessionOfSource: Detector = {
  ...(defineBaseline<Record<string, never>>({
    name: 'simulator-source',
    version: '1',
    createState: () => ({}),
    onEvent: ({ event }) =>
      event.body.kind === 'session_opened'
        ? [{ title: 'session', severity: 'low', risk: 1, reason: 'a session of the source' }]
        : [],
  }) as Detector),
  keyedBy: 'credential_source',
};

/** What an impersonation looks like to a detector, without four weeks of history. */
const stolen: Detector = defineBaseline<{ seen: number }>({
  name: 'simulator-stolen',
  version: '1',
  createState: () => ({ seen: 0 }),
  onEvent({ event }, state) {
    if (event.body.kind !== 'request' || event.client?.tool !== 'stolen') return [];
    state.seen += 1;
    if (state.seen < 3) return [];
    return [
      {
        title: 'Stolen token',
        severity: 'critical',
        risk: 95,
        reason: `request ${state.seen} from elsewhere`,
      },
    ];
  },
});

/** Rules that other keys than the identity's feed depend on how streams interleave, which is not the same in every run. */
export const simulatedDetectors: readonly Detector[] = [
  ...createShippedDetectors().filter(({ kind }) => kind === 'rule'),
  everySeventh,
  sessionOfSource,
  stolen,
];
