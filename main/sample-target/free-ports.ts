import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createSystemRandom } from '../../platform/clock/system-clock.ts';
import { mainError } from '../errors.ts';

/** Below are the ports of well-known services. */
const LOWEST = 10_000;
const HIGHEST = 65_535;
const TRIES_MAX = 1000;

/** Ports that the system gives to outgoing connections; Linux's own default where it does not say. */
function ephemeralRange(): readonly [low: number, high: number] {
  try {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
    return [Number(low), Number(high)];
  } catch {
    return [32_768, 60_999];
  }
}

function candidates(): readonly number[] {
  const [low, high] = ephemeralRange();
  const all = Array.from({ length: HIGHEST - LOWEST + 1 }, (_, index) => LOWEST + index);
  const outside = all.filter((port) => port < low || port > high);
  return outside.length > 0 ? outside : all;
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/**
 * So many free ports of 127.0.0.1, all different: none that an outgoing connection may get before its server listens, or while that is
 * started again. Two processes that ask at once get the same by chance alone. Errors: SAMPLE_TARGET_FAILED.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = candidates();
  const random = createSystemRandom();
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries >= TRIES_MAX)
      throw mainError('SAMPLE_TARGET_FAILED', {
        reason: `no ${count} ports are free between ${LOWEST} and ${HIGHEST}`,
      });
    const port = ports[Math.floor(random.float() * ports.length)]!;
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}
