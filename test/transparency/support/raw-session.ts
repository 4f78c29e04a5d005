/** A client that sends what it is told and keeps every byte that comes back; logs in by SCRAM. */
import { connect, type Socket } from 'node:net';
import {
  createScramClient,
  createSaltedPasswords,
} from '../../../gateway/protocols/postgres/target/scram-client.ts';
import {
  saslInitialResponse,
  saslResponse,
  startup,
} from '../../../gateway/protocols/postgres/wire/messages.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Answer {
  readonly type: string;
  readonly body: Buffer;
}

export interface RawSession {
  /** What came after AuthenticationOk, up to ReadyForQuery; and NegotiateProtocolVersion where one came. */
  readonly login: readonly Answer[];
  send(...parts: readonly Buffer[]): void;
  /** All that came, up to and with the `count`-th message of that type, or up to the end of the connection. */
  until(type: string, count?: number): Promise<Answer[]>;
  /** Throws away all that comes, up to and with the next message of that type. */
  discard(type: string): Promise<void>;
  close(): void;
}

/** What `until` gives as the last answer where the connection has ended. */
export const ENDED: Answer = { type: 'ended', body: Buffer.alloc(0) };
const TIMEOUT_MS = 60_000;
const salted = createSaltedPasswords();
const clock = createSystemClock();

class Reader {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #answers: Answer[] = [];
  #ended = false;
  #wake: () => void = () => undefined;
  /** Messages of other types are dropped. */
  keep: string | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      let at = 0;
      while (this.#bytes.length - at >= 5) {
        const end = at + 1 + this.#bytes.readUInt32BE(at + 1);
        if (end > this.#bytes.length) break;
        const type = String.fromCharCode(this.#bytes[at]!);
        if (this.keep === undefined || this.keep === type)
          this.#answers.push({ type, body: Buffer.from(this.#bytes.subarray(at + 5, end)) });
        at = end;
      }
      this.#bytes = this.#bytes.subarray(at);
      this.#wake();
    });
  }

  async until(type: string, count = 1): Promise<Answer[]> {
    for (;;) {
      let seen = 0;
      const at = this.#answers.findIndex((answer) => answer.type === type && (seen += 1) === count);
      if (at >= 0) return this.#answers.splice(0, at + 1);
      if (this.#ended) return [...this.#answers.splice(0), ENDED];
      const came = this.#answers.map((answer) => answer.type).join('');
      await new Promise<void>((resolve, reject) => {
        const timer = clock.after(TIMEOUT_MS, () => reject(new Error(`no ${type} ${count}; came: ${came}`)));
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

export async function openSession(
  endpoint: Endpoint,
  options: { readonly version?: number; readonly parameters?: Readonly<Record<string, string>> } = {},
): Promise<RawSession> {
  const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
  const reader = new Reader(socket);
  const { user, database, password } = endpoint;
  socket.write(
    startup(options.version ?? 0x30000, new Map(Object.entries({ user, database, ...options.parameters }))),
  );
  const scram = createScramClient({
    mechanism: 'SCRAM-SHA-256',
    password,
    nonce: 'nonce-of-the-transparency-suite',
    channelBinding: null,
    salted,
  });
  const negotiated: Answer[] = [];
  for (;;) {
    const answers = await reader.until('R');
    const last = answers.pop()!;
    negotiated.push(...answers);
    if (last.type !== 'R') throw new Error(`no login: ${String(negotiated.at(-1)?.body)}`);
    const kind = last.body.readInt32BE(0);
    if (kind === 0) break;
    const rest = last.body.subarray(4).toString('latin1');
    if (kind === 10) socket.write(saslInitialResponse(scram.mechanism, scram.first));
    else if (kind === 11) socket.write(saslResponse((await scram.answer(rest))!));
    else if (kind !== 12 || !scram.verify(rest)) throw new Error(`authentication ${kind}`);
  }
  const login = [...negotiated, ...(await reader.until('Z'))];
  return {
    login,
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    until: (type, count) => reader.until(type, count),
    async discard(type) {
      reader.keep = type;
      await reader.until(type);
      reader.keep = undefined;
    },
    close: () => reader.close(),
  };
}
