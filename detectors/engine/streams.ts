import type { Detector, Directory } from '../detector.ts';
import type { NewRecord } from '../../platform/event-log/event-log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { EngineDeps, EngineStream } from './engine-deps.ts';
import { identityKey } from './identity-key.ts';
import { createProcessor, NO_RULES, type RuleSource } from './processor.ts';
import { rekeyedRecords, rekeyKinds, type RekeyedBy } from './rekey.ts';
import { arrive } from './session-order.ts';

const DIRECT: ReadonlySet<string> = new Set(['none', 'identity', 'partition']);
/** Re-keyed events collected before they are appended. */
const FORWARDED_MAX = 500;

/** The session events: detectors keyed by identity, verdicts, and what is re-keyed for the others. One per partition. */
export function sessionStream(
  deps: EngineDeps,
  detectors: readonly Detector[],
  directory: Directory,
  rules: RuleSource = NO_RULES,
): EngineStream {
  const { codecs, config } = deps;
  const kinds = rekeyKinds(detectors);
  let forwarded: NewRecord[] = [];
  const flush = async (): Promise<void> => {
    if (forwarded.length === 0) return;
    const records = forwarded;
    forwarded = [];
    await deps.writer.append(TOPICS.rekeyedEvents.name, records);
  };
  return {
    topic: TOPICS.sessionEvents.name,
    component: 'engine',
    verdicts: true,
    processor: createProcessor(
      detectors.filter(({ keyedBy }) => DIRECT.has(keyedBy)),
      directory,
      config,
      rules,
    ),
    read({ value }) {
      if (value === null) return null;
      const decoded = codecs.event.decode(value);
      if (!decoded.ok) return decoded;
      return { ok: true, event: decoded.value, key: identityKey(decoded.value), framed: value };
    },
    arrive: (state, event) => arrive(state.order, event),
    async forward(event, record) {
      if (kinds.length === 0) return;
      forwarded.push(...rekeyedRecords(event, record, kinds, codecs.rekeyed));
      if (forwarded.length >= FORWARDED_MAX) await flush();
    },
    flush,
  };
}

/** The re-keyed events: detectors keyed by credential source, target or person. Their detections hold nothing up. */
export function rekeyedStream(
  deps: EngineDeps,
  detectors: readonly Detector[],
  directory: Directory,
  kind: RekeyedBy,
): EngineStream {
  const { codecs, config } = deps;
  return {
    topic: TOPICS.rekeyedEvents.name,
    component: `rekeyed-${kind}`,
    verdicts: false,
    processor: createProcessor(
      detectors.filter(({ keyedBy }) => keyedBy === kind),
      directory,
      config,
    ),
    read({ value }) {
      if (value === null) return null;
      const rekeyed = codecs.rekeyed.decode(value);
      if (!rekeyed.ok) return rekeyed;
      if (rekeyed.value.keyKind !== kind) return null;
      const decoded = codecs.event.decode(rekeyed.value.event);
      if (!decoded.ok) return decoded;
      return {
        ok: true,
        event: decoded.value,
        key: `${kind}:${rekeyed.value.key}`,
        framed: rekeyed.value.event,
        source: { partition: rekeyed.value.sourcePartition, offset: rekeyed.value.sourceOffset },
      };
    },
    arrive(state, _event, { source }) {
      const last = state.order.sources.get(source!.partition) ?? -1;
      if (source!.offset <= last) return 'duplicate';
      state.order.sources.set(source!.partition, source!.offset);
      return 'next';
    },
    forward: async () => undefined,
    flush: async () => undefined,
  };
}
