import { networkName } from '../engine/network-name.ts';
import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { DAY_MS, forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const NETWORKS_MAX = 256;
const MONTH_MS = 30 * DAY_MS;

interface NetworkState {
  networks: KnownItems;
  known: Experience;
  said: Speech;
  saidOf: string;
}

/** First sightings within a month, without those of the first week (when everything is new). */
function movesPerMonth({ networks, known }: NetworkState, at: number): number {
  let moves = 0;
  for (const { first } of networks.values())
    if (at - first < MONTH_MS && at - first >= DAY_MS && first - known.since > 7 * DAY_MS) moves += 1;
  return moves;
}

/** Networks (/24, /48) that the identity comes from. An identity that moves often is doubted less for the next move. */
export const sourceNetworkBaseline = defineBaseline<NetworkState>({
  name: 'source-network',
  version: '1',
  createState: () => ({
    networks: new Map(),
    known: createExperience(),
    said: createSpeech(),
    saidOf: '',
  }),
  onEvent(view, state, { mayLearn }) {
    const { client, time, body } = view.event;
    if (client === null || client.ip === '') return NOTHING;
    const network = networkName(client.ip);
    const seen = state.networks.get(network);
    const fresh = isNew(state.networks, network, time);
    view.setFact('source_network', network);
    view.setFact('source_seen_days', seen === undefined ? 0 : Math.max(0, (time - seen.first) / DAY_MS));
    const sure = confidence(state.known, time, 30, 4);
    view.setFact('source_network_new', fresh && sure > 0);
    if (body.kind !== 'session_opened' && body.kind !== 'request') return NOTHING;
    const moves = movesPerMonth(state, time);
    const risk = fresh ? Math.round((53 * sure) / (1 + moves / 3)) : 0;
    if (network !== state.saidOf) state.said = createSpeech();
    const speaks = worthSaying(state.said, risk, time);
    if (speaks) state.saidOf = network;
    const count = state.networks.size;
    if (mayLearn) {
      gain(state.known, time);
      learnItem(state.networks, network, time, NETWORKS_MAX);
    } else if (forgetRecent(state.networks, time)) startAgain(state.known);
    if (!speaks) return NOTHING;
    return [
      {
        title: 'New source network',
        severity: severityOf(risk),
        risk,
        reason: `source ${client.ip} (${network}) ${seen === undefined ? 'was never seen' : 'was first seen within half a day'}; ${figure(state.known.seen)} earlier events came from ${count} networks, with ${figure(moves)} moves in the past month`,
        figures: [{ name: 'networks known', value: count, usual: null, unit: '1' }],
        techniques: ['T1078'],
      },
    ];
  },
});
