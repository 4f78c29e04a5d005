/** Clients that send statements nobody else sends, and go on wherever the gateway is again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenerAnswer } from '../../gateway/control-api/services.ts';
import { connectClient, type Login } from '../../main/test/support/clients.ts';

export interface Sent {
  readonly marker: string;
  readonly identityId: string;
  /** The client got an answer that is no error. */
  answered: boolean;
}

export interface Load {
  /** By marker. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** Logins that the clients use from now on; they connect where the gateway listens. */
  point(listener: ListenerAnswer, logins: readonly Login[]): void;
  stop(): Promise<void>;
}

type Random = () => number;

/** What clients do, by turns: a simple query, parameters, a transaction, a statement that outlives many a gateway. */
const statementOf = (marker: string, random: Random): { text: string; values?: unknown[] } => {
  const chance = random();
  if (chance < 0.5) return { text: `select '${marker}'` };
  if (chance < 0.8) return { text: `select '${marker}', $1::int`, values: [1] };
  if (chance < 0.9) return { text: `update orders set status = 'paid' where id = 7 and '${marker}' <> ''` };
  return { text: `select '${marker}', pg_sleep(${chance < 0.97 ? 0.05 : 20})` };
};

const RECONNECT_MS = 20;

export function startLoad(clients: number, random: Random): Load {
  const sent = new Map<string, Sent>();
  let listener: ListenerAnswer | undefined;
  let logins: readonly Login[] = [];
  let generation = 0;
  let stopping = false;

  const session = async (index: number): Promise<void> => {
    const from = generation;
    const login = logins[index % logins.length];
    if (listener === undefined || login === undefined) return;
    const client = await connectClient(listener, login);
    let open = true;
    client.once('end', () => (open = false));
    try {
      while (open && !stopping && generation === from) {
        const marker = `marker-${sent.size + 1}`;
        const entry: Sent = { marker, identityId: login.identityId, answered: false };
        sent.set(marker, entry);
        await client.query(statementOf(marker, random));
        entry.answered = true;
      }
    } finally {
      client.end().catch(() => undefined);
    }
  };
  const client = async (index: number): Promise<void> => {
    while (!stopping) {
      // Refused, cut off, or nobody there: all of that is what this is about.
      await session(index).catch(() => undefined);
      await sleep(RECONNECT_MS);
    }
  };
  const all = Array.from({ length: clients }, (_, index) => client(index));
  return {
    sent,
    point(to, by) {
      listener = to;
      logins = by;
      generation += 1;
    },
    async stop() {
      stopping = true;
      await Promise.race([Promise.all(all), sleep(5000)]);
    },
  };
}
