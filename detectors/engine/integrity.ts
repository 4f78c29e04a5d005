import type { LogRecord } from '../../platform/event-log/event-log.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import type { Said } from './detection-records.ts';
import type { WaitingEvent } from './session-order.ts';

const NO_HASH = Buffer.alloc(32);

/** What the engine says about events that are missing from a session. */
export function gapSaid(sessionId: string, expected: number, first: WaitingEvent, waitedMs: number): Said {
  return {
    detector: 'integrity-gap',
    version: '1',
    kind: 'integrity',
    finding: {
      title: 'Events are missing',
      severity: 'high',
      risk: 50,
      reason: `session ${sessionId} lacks events ${expected} to ${first.sequence - 1}; they did not come within ${waitedMs} ms`,
      figures: [{ name: 'missing events', value: first.sequence - expected, usual: 0, unit: '1' }],
      techniques: ['T1562'],
      tags: ['countersign.dimension.integrity'],
    },
  };
}

/** What the engine says about a record that is no session event: nobody may hide by being unreadable. */
export function unreadableSaid(reason: string): Said {
  return {
    detector: 'integrity-unreadable',
    version: '1',
    kind: 'integrity',
    finding: {
      title: 'Unreadable session event',
      severity: 'high',
      risk: 60,
      reason: `a session event under this key cannot be read and went to dead-letters: ${reason}`,
      techniques: ['T1562'],
      tags: ['countersign.dimension.integrity'],
    },
  };
}

/** Stands in for an unreadable event: its id is its place, its identity the record's key. */
export function unreadableEvent(record: LogRecord): SessionEvent {
  const key = record.key ?? '';
  const known = key !== '' && !key.startsWith('network:') && !key.startsWith('gateway:');
  const slash = key.lastIndexOf('/');
  return {
    eventId: `${record.topic}/${record.partition}/${record.offset}`,
    time: record.timestamp,
    origin: 'gateway',
    exerciseId: null,
    gateway: { id: 'unknown', epoch: 0, sequence: 0 },
    session: null,
    requestId: null,
    controlRevision: 0,
    identity: known
      ? {
          id: key,
          issuer: key.slice(0, Math.max(0, slash)),
          subject: key.slice(slash + 1),
          kind: 'unknown',
          displayName: '',
          groups: [],
          credentialSource: null,
          tokenId: null,
          issuedAt: null,
          expiresAt: null,
          onBehalfOf: [],
          attributes: {},
        }
      : null,
    client: null,
    target: null,
    body: { kind: 'heartbeat', openSessions: 0, spoolBytes: 0, unaudited: 0 },
    gatewayChain: null,
    previousHash: NO_HASH,
    hash: NO_HASH,
  };
}
