import type { Detector } from '../detector.ts';
import type { LogRecord, NewRecord } from '../../platform/event-log/event-log.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { RekeyedEvent, RekeyKind, SessionEvent } from '../../schemas/types.ts';
import { nameSpace } from './identity-key.ts';

export type RekeyedBy = Extract<RekeyKind, 'credential_source' | 'target' | 'on_behalf_of'>;

/** What the detectors are keyed by besides identity and partition. */
export function rekeyKinds(detectors: readonly Detector[]): RekeyedBy[] {
  const kinds = new Set<RekeyedBy>();
  for (const { keyedBy } of detectors)
    if (keyedBy === 'credential_source' || keyedBy === 'target' || keyedBy === 'on_behalf_of')
      kinds.add(keyedBy);
  return [...kinds];
}

function keysOf(event: SessionEvent, kind: RekeyedBy): readonly string[] {
  if (kind === 'credential_source')
    return event.identity?.credentialSource ? [event.identity.credentialSource] : [];
  if (kind === 'target') return event.target === null ? [] : [event.target.connection];
  return event.identity?.onBehalfOf.slice(0, 8) ?? [];
}

const QUIET: ReadonlySet<string> = new Set(['checkpoint', 'heartbeat', 'data']);

/** The records that carry an event to the detectors keyed by `kinds`. */
export function rekeyedRecords(
  event: SessionEvent,
  record: Pick<LogRecord, 'topic' | 'partition' | 'offset'> & { readonly framed: Uint8Array },
  kinds: readonly RekeyedBy[],
  codec: Codec<RekeyedEvent>,
): NewRecord[] {
  if (QUIET.has(event.body.kind)) return [];
  return kinds.flatMap((keyKind) =>
    keysOf(event, keyKind).map((key) => {
      const own = nameSpace(event) + key;
      return {
        key: `${keyKind}:${own}`,
        value: codec.encode({
          keyKind,
          key: own,
          sourceTopic: record.topic,
          sourcePartition: record.partition,
          sourceOffset: record.offset,
          event: Buffer.from(record.framed),
        }),
      };
    }),
  );
}
