/** New session keys after so many bytes and so much time: the library never asks for them (RFC 4253, section 9). */
import type { Client, Connection } from 'ssh2';
import type { Clock, Timer } from '../../../../platform/clock/clock.ts';
import { inKeyExchange, rekey, socketOf } from './internals.ts';

const CHECK_MS = 1000;
/** A peer that begins a key exchange has to finish it. */
const KEY_EXCHANGE_MS = 30_000;

export function keepKeysFresh(
  clock: Clock,
  peer: Connection | Client,
  { rekeyBytes, rekeyMs }: { readonly rekeyBytes: number; readonly rekeyMs: number },
  onStuck: () => void,
): Timer {
  const socket = socketOf(peer);
  const total = (): number => socket.bytesRead + socket.bytesWritten;
  let bytes = 0;
  let sinceUs = clock.monotonicUs();
  let exchangeSinceUs: number | undefined;
  return clock.every(CHECK_MS, () => {
    const nowUs = clock.monotonicUs();
    if (inKeyExchange(peer)) {
      exchangeSinceUs ??= nowUs;
      if (nowUs - exchangeSinceUs > KEY_EXCHANGE_MS * 1000) onStuck();
      return;
    }
    exchangeSinceUs = undefined;
    if (socket.destroyed || (total() - bytes < rekeyBytes && nowUs - sinceUs < rekeyMs * 1000)) return;
    bytes = total();
    sinceUs = nowUs;
    rekey(peer);
  });
}
