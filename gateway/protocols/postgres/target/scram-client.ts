/** Client side of SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677) towards a target. */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { SCRAM_PLUS } from '../login/scram-server.ts';

const derive = promisify(pbkdf2);
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** A hostile target could ask for hours of work. */
const ITERATIONS_MAX = 1_000_000;

/**
 * Salted passwords already derived: ending a session logs in to the target once more, and must not wait for 4,096 rounds.
 * Kept by a hash, so that the password itself is not; bounded.
 */
export interface SaltedPasswords {
  get(password: string, salt: Buffer, iterations: number): Promise<Buffer>;
}

export function createSaltedPasswords(entriesMax = 256): SaltedPasswords {
  const cache = new Map<string, Buffer>();
  return {
    async get(password, salt, iterations) {
      const key = createHash('sha256')
        .update(`${iterations}:${salt.toString('hex')}:${password}`)
        .digest('base64');
      const known = cache.get(key);
      if (known !== undefined) return known;
      const salted = await derive(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
      cache.set(key, salted);
      if (cache.size > entriesMax) {
        for (const oldest of cache.keys()) {
          cache.delete(oldest);
          break;
        }
      }
      return salted;
    },
  };
}

export interface ScramClient {
  readonly mechanism: string;
  readonly first: string;
  /** Answers the challenge; undefined where the server's message is malformed or not for our nonce. */
  answer(challenge: string): Promise<string | undefined>;
  /** Whether the server proved that it knows the password too. */
  verify(serverFinal: string): boolean;
}

export function createScramClient(input: {
  readonly mechanism: string;
  readonly password: string;
  readonly nonce: string;
  /** Certificate hash for -PLUS. */
  readonly channelBinding: Buffer | null;
  readonly salted: SaltedPasswords;
}): ScramClient {
  const plus = input.mechanism === SCRAM_PLUS;
  const header = plus ? 'p=tls-server-end-point,,' : 'n,,';
  const bare = `n=,r=${input.nonce}`;
  let expected: Buffer | undefined;
  return {
    mechanism: input.mechanism,
    first: `${header}${bare}`,
    async answer(challenge) {
      const parts = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)/.exec(challenge);
      if (parts === null) return undefined;
      const [, nonce, salt, iterationsText] = parts;
      const iterations = Number(iterationsText);
      if (!nonce!.startsWith(input.nonce) || nonce === input.nonce) return undefined;
      if (iterations < 1 || iterations > ITERATIONS_MAX) return undefined;
      const salted = await input.salted.get(input.password, Buffer.from(salt!, 'base64'), iterations);
      const clientKey = hmac(salted, 'Client Key');
      const storedKey = createHash('sha256').update(clientKey).digest();
      const binding = plus
        ? Buffer.concat([Buffer.from(header), input.channelBinding ?? Buffer.alloc(0)])
        : Buffer.from(header);
      const withoutProof = `c=${binding.toString('base64')},r=${nonce}`;
      const authMessage = `${bare},${challenge},${withoutProof}`;
      const signature = hmac(storedKey, authMessage);
      const proof = Buffer.alloc(32);
      for (let at = 0; at < 32; at += 1) proof[at] = clientKey[at]! ^ signature[at]!;
      expected = hmac(hmac(salted, 'Server Key'), authMessage);
      return `${withoutProof},p=${proof.toString('base64')}`;
    },
    verify(serverFinal) {
      const parts = /^v=([A-Za-z0-9+/=]+)/.exec(serverFinal);
      if (parts === null || expected === undefined) return false;
      const given = Buffer.from(parts[1]!, 'base64');
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
