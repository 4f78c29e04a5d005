/** Authorities of client certificates change (SPIFFE bundles by the hour): the listener takes new ones without a restart. */
import type { SecureContextOptions } from 'node:tls';
import type { Server as TlsServer } from 'node:https';
import type { Clock, Timer } from '../../../platform/clock/clock.ts';
import type { Logger } from '../../../platform/log/log.ts';
import type { App } from './app.ts';

const LOOK_MS = 5000;

/** `read` gives certificate, key and authorities as they are now. */
export function followAuthorities(
  clock: Clock,
  log: Logger,
  app: App,
  read: () => Omit<SecureContextOptions, 'ca'> & { readonly ca: readonly string[] },
): Timer | undefined {
  const server = app.server as unknown as Partial<TlsServer>;
  if (typeof server.setSecureContext !== 'function') return undefined;
  let known = read().ca.join('\n');
  if (known === '') return undefined;
  return clock.every(LOOK_MS, () => {
    try {
      const options = read();
      const ca = options.ca.join('\n');
      if (ca === known) return;
      server.setSecureContext!({ ...options, ca: [...options.ca], minVersion: 'TLSv1.2' });
      known = ca;
      log.info({ authorities: options.ca.length }, 'authorities of client certificates were read again');
    } catch (error) {
      log.warn({ error }, 'authorities of client certificates cannot be read; those before still count');
    }
  });
}
