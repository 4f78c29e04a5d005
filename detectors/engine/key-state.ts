/**
 * All state of one key (an identity, or what events are re-keyed by) as one unit: every detector's section, risk, and order.
 * Written and restored together, so that a restart sees one moment.
 *
 *   per section: name length, 2 bytes | name (`detector@version`) | length, 4 bytes | state        (big-endian)
 */
import type { Detector } from '../detector.ts';
import { decodeJsonState, encodeJsonState } from '../baselines/support/json-state.ts';
import { createRiskState, type RiskState } from '../risk/identity-risk.ts';
import { createOrderState, type OrderState } from './session-order.ts';

const RISK_SECTION = 'engine-risk@2';
const ORDER_SECTION = 'engine-order@2';

export interface KeyState {
  readonly key: string;
  readonly risk: RiskState;
  readonly order: OrderState;
  /** State of a detector; empty for one (or a version) that is new. */
  of<S>(detector: Detector<S>): S;
  encode(): Buffer;
}

const sectionName = (detector: Detector): string => `${detector.name}@${detector.version}`;

function readSections(bytes: Uint8Array): Map<string, Buffer> {
  const sections = new Map<string, Buffer>();
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < buffer.length) {
    const nameEnd = at + 2 + buffer.readUInt16BE(at);
    const end = nameEnd + 4 + buffer.readUInt32BE(nameEnd);
    sections.set(buffer.toString('utf8', at + 2, nameEnd), buffer.subarray(nameEnd + 4, end));
    at = end;
  }
  return sections;
}

function writeSection(name: string, state: Uint8Array): Buffer[] {
  const nameBytes = Buffer.from(name);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(nameBytes.length);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(state.length);
  return [head, nameBytes, length, Buffer.from(state)];
}

/** Empty state, or what `bytes` hold. Sections of detectors that are no longer there (or another version) are dropped. */
export function createKeyState(key: string, bytes?: Uint8Array): KeyState {
  const stored = bytes === undefined ? new Map<string, Buffer>() : readSections(bytes);
  const live = new Map<Detector, unknown>();
  const engine = <S>(name: string, fresh: S): S => {
    const found = stored.get(name);
    stored.delete(name);
    return found === undefined ? fresh : (decodeJsonState(found) as S);
  };
  const risk = engine(RISK_SECTION, createRiskState());
  const order = engine(ORDER_SECTION, createOrderState());
  return {
    key,
    risk,
    order,
    of<S>(detector: Detector<S>): S {
      const untyped = detector as Detector;
      const known = live.get(untyped);
      if (known !== undefined) return known as S;
      const found = stored.get(sectionName(untyped));
      const state = found === undefined ? detector.createState() : detector.decodeState(found);
      live.set(untyped, state);
      return state;
    },
    encode() {
      const parts = [
        ...writeSection(RISK_SECTION, encodeJsonState(risk)),
        ...writeSection(ORDER_SECTION, encodeJsonState(order)),
      ];
      for (const [detector, state] of live)
        stored.set(sectionName(detector), Buffer.from(detector.encodeState(state)));
      for (const [name, state] of stored) parts.push(...writeSection(name, state));
      return Buffer.concat(parts);
    },
  };
}
