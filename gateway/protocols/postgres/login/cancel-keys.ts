/**
 * Key data of the gateway's own, so that a client never learns the target's: a random number for the pid and a secret key (4 bytes
 * in protocol 3.0, 32 since 3.2). Only the whole pair finds a session; keys are compared in constant time.
 */
import { timingSafeEqual } from 'node:crypto';
import { ownCopy } from '../../../credentials/own-copy.ts';
import type { Random } from '../../../../platform/clock/clock.ts';

export interface CancelKey {
  readonly pid: number;
  readonly key: Buffer;
  forget(): void;
}

export interface CancelKeys {
  issue(keyBytes: number, cancel: () => void): CancelKey;
  /** Calls the session's `cancel` where pid and key are its own. */
  cancel(pid: number, key: Buffer): boolean;
}

export function createCancelKeys(random: Random): CancelKeys {
  const issued = new Map<number, { key: Buffer; cancel: () => void }>();
  return {
    issue(keyBytes, cancel) {
      let pid: number;
      do pid = random.bytes(4).readUInt32BE(0) & 0x7fff_ffff;
      while (pid === 0 || issued.has(pid));
      const key = ownCopy(random.bytes(keyBytes));
      issued.set(pid, { key, cancel });
      return { pid, key, forget: () => void issued.delete(pid) };
    },
    cancel(pid, key) {
      const found = issued.get(pid);
      if (found === undefined || found.key.length !== key.length || !timingSafeEqual(found.key, key))
        return false;
      found.cancel();
      return true;
    },
  };
}
