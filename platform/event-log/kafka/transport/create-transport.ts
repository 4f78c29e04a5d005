import type { Clock } from '../../../clock/clock.ts';
import type { Logger } from '../../../log/log.ts';
import { eventLogError } from '../../errors.ts';
import type { Transport } from '../wire/channel.ts';
import type { TransportOptions } from './transport-options.ts';

/** Connections by the library that the configuration names; only that one is loaded. Errors: EVENT_LOG_CLIENT_MISSING. */
export async function createTransport(
  deps: { readonly clock: Clock; readonly log: Logger },
  client: 'kafkajs' | 'platformatic',
  options: TransportOptions,
): Promise<Transport> {
  if (client === 'platformatic') {
    const loaded = await import('./platformatic-transport.ts').catch((error: unknown) => {
      throw eventLogError('EVENT_LOG_CLIENT_MISSING', { client, package: '@platformatic/kafka' }, error);
    });
    return loaded.createPlatformaticTransport(deps.clock, options);
  }
  const { createKafkajsTransport } = await import('./kafkajs-transport.ts');
  return createKafkajsTransport(deps.log, options);
}
