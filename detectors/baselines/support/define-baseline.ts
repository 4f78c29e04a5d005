import type { Detector, DetectorContext, EventView, Finding } from '../../detector.ts';
import type { Severity } from '../../../schemas/types.ts';
import { decodeJsonState, encodeJsonState } from './json-state.ts';

interface BaselineDefinition<S> {
  readonly name: string;
  readonly version: string;
  readonly keyedBy?: 'identity' | 'partition';
  createState(): S;
  onEvent(view: EventView, state: S, context: DetectorContext): readonly Finding[];
}

/** A baseline with its state as JSON. */
export function defineBaseline<S>(definition: BaselineDefinition<S>): Detector<S> {
  return {
    kind: 'baseline',
    keyedBy: 'identity',
    ...definition,
    encodeState: encodeJsonState,
    decodeState: (bytes) => decodeJsonState(bytes) as S,
  };
}

export const severityOf = (risk: number): Severity =>
  risk >= 60 ? 'high' : risk >= 40 ? 'medium' : risk >= 20 ? 'low' : 'informational';

export const NOTHING: readonly Finding[] = [];

/** Number for people: no more digits than they read. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return String(Math.round(value * 10) / 10);
}
