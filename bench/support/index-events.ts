/** Session events as a busy gateway makes them, for benches of the index: a request and its response in turns. */
import { createHash } from 'node:crypto';
import { createCodec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { createSystemRandom } from '../../platform/clock/system-clock.ts';

const random = createSystemRandom();
/** When the tokens were issued. */
const SINCE = Date.UTC(2026, 0, 5);
const TABLES = ['orders', 'customers', 'invoices', 'shipments', 'payments', 'stock'];
const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface MadeEvent {
  readonly event: SessionEvent;
  /** Kafka key: the identity. */
  readonly key: string;
  readonly value: Buffer;
}

export function makeEvents(count: number, now: number): MadeEvent[] {
  const codec = createCodec('session-event');
  return Array.from({ length: count }, (_, n) => {
    const event = eventOf(n, now - count + n);
    return { event, key: event.identity!.id, value: codec.encode(event) };
  });
}

function eventOf(n: number, time: number): SessionEvent {
  const person = n % 211;
  const table = TABLES[n % TABLES.length]!;
  const text = `select id, name, total from public.${table} where customer_id = ${n} order by id limit 50`;
  const requestId = `r-${Math.floor(n / 2)}-${person}`;
  const body: SessionEvent['body'] =
    n % 2 === 0
      ? {
          kind: 'request',
          verb: 'select',
          text,
          textBytes: null,
          textLength: text.length,
          textDigest: hash(text).subarray(0, 32),
          fingerprint: hash(table).toString('hex').slice(0, 16),
          actions: [
            {
              action: 'read',
              objectKind: 'table',
              object: `public.${table}`,
              columns: ['id', 'name', 'total'],
              whole: false,
            },
          ],
          risk: 'low',
          parameterCount: 0,
          parametersDigest: null,
          decision: {
            decisionId: `d-${n}`,
            outcome: 'allow',
            rule: 'built-in/read',
            reason: 'reading is allowed',
          },
        }
      : {
          kind: 'response',
          status: 'ok',
          rows: n % 50,
          bytes: (n % 50) * 120,
          durationUs: 900 + (n % 400),
          tag: `SELECT ${n % 50}`,
          errorCode: null,
          errorMessage: null,
          maskedFields: [],
          bodyDigest: hash(`body ${n}`),
        };
  return {
    eventId: random.uuidv7(time),
    time,
    origin: 'gateway',
    exerciseId: null,
    gateway: { id: 'gateway-1', epoch: 1, sequence: n },
    session: { id: `s-${person}`, sequence: n, channel: 'main' },
    requestId,
    controlRevision: 7,
    identity: {
      id: `https://idp.example.com#user-${person}`,
      issuer: 'https://idp.example.com',
      subject: `user-${person}`,
      displayName: `User ${person}`,
      kind: 'human',
      groups: ['engineering'],
      credentialSource: 'https://idp.example.com#app-1',
      tokenId: `t-${person}`,
      issuedAt: SINCE,
      expiresAt: SINCE + 86_400_000,
      onBehalfOf: [],
      attributes: {},
    },
    client: { ip: `203.0.113.${person}`, port: 40_000 + person, tool: 'psql', version: '18.4' },
    target: {
      connection: 'orders-db',
      protocol: 'postgres',
      host: 'db.internal',
      port: 5432,
      database: 'orders',
      role: 'app',
    },
    body,
    gatewayChain: null,
    previousHash: hash(`previous ${n}`),
    hash: hash(`this ${n}`),
  } as unknown as SessionEvent;
}
