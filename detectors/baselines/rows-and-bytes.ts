import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { createLogHistogram, learnValue, quantileOf, type LogHistogram } from './support/log-histogram.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const HOUR_MS = 3_600_000;
/** Under these, nothing is bulk. */
const ROWS_FLOOR = 50;
const BYTES_FLOOR = 65_536;

interface Volume {
  /** Fading sum over an hour. */
  sum: number;
  peak: number;
  single: LogHistogram;
  hourly: LogHistogram;
}

interface VolumeState {
  /** Rows that went to the client. */
  rows: Volume;
  /** Rows that a command changed: nothing leaves with them, and releases change many at once. */
  changed: Volume;
  bytes: Volume;
  at: number;
  hour: number;
  known: Experience;
  said: Speech;
}

const createVolume = (): Volume => ({
  sum: 0,
  peak: 0,
  single: createLogHistogram(),
  hourly: createLogHistogram(),
});

/** How many times over the usual upper end this answer, or the past hour, is; with what is usual. */
function excessOf(
  volume: Volume,
  value: number,
  floor: number,
): { excess: number; high: number; of: number } {
  const single = Math.max(floor, quantileOf(volume.single, 0.99) ?? 0);
  const hourly = Math.max(floor * 2, quantileOf(volume.hourly, 0.99) ?? 0);
  return value / single >= volume.sum / hourly
    ? { excess: value / single, high: single, of: value }
    : { excess: volume.sum / hourly, high: hourly, of: volume.sum };
}

function advance(state: VolumeState, at: number, mayLearn: boolean): void {
  const fade = Math.exp(-Math.max(0, at - state.at) / HOUR_MS);
  const hour = Math.floor(at / HOUR_MS);
  for (const volume of [state.rows, state.changed, state.bytes]) {
    if (hour !== state.hour && mayLearn) {
      if (volume.peak > 0) learnValue(volume.hourly, volume.peak, at);
      volume.peak = 0;
    }
    volume.sum *= fade;
  }
  state.at = Math.max(state.at, at);
  state.hour = hour;
}

const CHANGES = /^(?:INSERT|UPDATE|DELETE|MERGE)\b/;

/** Rows and bytes of answers on a logarithmic scale: one answer and the past hour against the identity's 99th percentiles. */
export const rowsAndBytesBaseline = defineBaseline<VolumeState>({
  name: 'rows-and-bytes',
  version: '2',
  createState: () => ({
    rows: createVolume(),
    changed: createVolume(),
    bytes: createVolume(),
    at: 0,
    hour: 0,
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time } = view.event;
    if (body.kind !== 'response') return NOTHING;
    advance(state, time, mayLearn);
    const changes = CHANGES.test(body.tag ?? '');
    const volume = changes ? state.changed : state.rows;
    volume.sum += body.rows;
    state.bytes.sum += body.bytes;
    const sure = confidence(state.known, time, 80, 5);
    const rows = excessOf(volume, body.rows, ROWS_FLOOR);
    const bytes = excessOf(state.bytes, body.bytes, BYTES_FLOOR);
    // Against the upper end, not the middle: most answers of a nightly load are tiny, and a few are not. Not before it is well known.
    if (sure >= 1) view.setFact('rows_ratio', rows.excess);
    if (mayLearn) {
      gain(state.known, time);
      learnValue(volume.single, body.rows, time);
      learnValue(state.bytes.single, body.bytes, time);
      volume.peak = Math.max(volume.peak, volume.sum);
      state.bytes.peak = Math.max(state.bytes.peak, state.bytes.sum);
    }
    const excess = Math.max(rows.excess, bytes.excess);
    const risk =
      excess < 4 ? 0 : Math.round(sure * Math.min(changes ? 40 : 72, 32 + 9 * Math.log2(excess / 4)));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    const what = rows.excess >= bytes.excess ? rows : bytes;
    const unit = what === bytes ? 'bytes' : changes ? 'changed rows' : 'rows';
    return [
      {
        title: 'Unusual volume',
        severity: severityOf(risk),
        risk,
        reason: `${figure(what.of)} ${unit} against at most ${figure(what.high)} in 99 % of ${figure(state.known.seen)} earlier answers or hours`,
        figures: [{ name: unit, value: what.of, usual: what.high, unit: '1' }],
        techniques: ['T1213', 'T1030'],
      },
    ];
  },
});
