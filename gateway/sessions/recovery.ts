/** What a crash left: sessions that are open in the journal, with the heads of their chains from the spool's files. */
import type { Logger } from '../../platform/log/log.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import type { Spool } from '../recording/spool.ts';
import { newChain, setChain, type Chain } from './event-writer.ts';
import type { JournalState, OpenJournal, OpenRecord, SessionTotals } from './open-journal.ts';

export interface Leftover {
  readonly record: OpenRecord;
  readonly chain: Chain;
  readonly totals: SessionTotals;
}

export interface Recovered {
  readonly epoch: number;
  readonly gatewayChain: Chain;
  /** Sessions of earlier epochs without their end. */
  readonly leftovers: readonly Leftover[];
}

const chainOf = (head: { sequence: number; hash: string } | undefined): Chain =>
  head === undefined ? newChain() : { sequence: head.sequence, hash: Buffer.from(head.hash, 'hex') };

/** Reads the journal and the spool, and writes the new epoch; before anything else is appended. */
export function recover(
  {
    journal,
    spool,
    codec,
    log,
  }: { journal: OpenJournal; spool: Spool; codec: Codec<SessionEvent>; log: Logger },
  gatewayId: string,
): Recovered {
  const { before } = journal;
  const gatewayChain = chainOf(before.gatewayHead);
  const leftovers = new Map<string, Leftover>();
  for (const { record, head } of before.open) {
    const totals = { requests: head?.requests ?? 0, rows: head?.rows ?? 0, bytes: head?.bytes ?? 0 };
    leftovers.set(record.sessionId, { record, chain: chainOf(head), totals });
  }
  const take = (event: SessionEvent): void => {
    if (event.gateway.id === gatewayId && (event.gatewayChain?.sequence ?? 0) > gatewayChain.sequence)
      setChain(gatewayChain, event.gatewayChain!.sequence, event.hash);
    // A power cut may take the journal's line and leave the event.
    if (event.body.kind === 'session_opened' && event.session !== null && !leftovers.has(event.session.id)) {
      const { identity, client, target, exerciseId, time } = event;
      const { targetSession } = event.body;
      if (identity !== null && client !== null && target !== null) {
        const sessionId = event.session.id;
        const record = { sessionId, identity, client, target, targetSession, exerciseId, openedAt: time };
        leftovers.set(sessionId, { record, chain: newChain(), totals: { requests: 0, rows: 0, bytes: 0 } });
      }
    }
    const leftover = event.session === null ? undefined : leftovers.get(event.session.id);
    if (leftover === undefined || event.session!.sequence <= leftover.chain.sequence) return;
    setChain(leftover.chain, event.session!.sequence, event.hash);
    const { body } = event;
    if (body.kind === 'request') leftover.totals.requests += 1;
    if (body.kind === 'response') {
      leftover.totals.rows += body.rows;
      leftover.totals.bytes += body.bytes;
    }
    if (body.kind === 'session_closed') leftovers.delete(event.session!.id);
  };
  spool.scan(({ value }) => {
    const read = codec.decode(value);
    if (read.ok) take(read.value);
    else log.error({ reason: read.reason }, 'an event in the spool cannot be read');
  });
  const epoch = before.epoch + 1;
  const open = [...leftovers.values()];
  journal.rewrite(journalState(epoch, gatewayChain, open));
  return { epoch, gatewayChain, leftovers: open };
}

/** What the journal must hold so that the spool's earlier files may go. */
export function journalState(epoch: number, gatewayChain: Chain, open: readonly Leftover[]): JournalState {
  return {
    epoch,
    gatewayHead: { sequence: gatewayChain.sequence, hash: gatewayChain.hash.toString('hex') },
    open: open.map(({ record, chain, totals }) => ({
      record,
      head:
        chain.sequence === 0
          ? undefined
          : { sequence: chain.sequence, hash: chain.hash.toString('hex'), ...totals },
    })),
  };
}
