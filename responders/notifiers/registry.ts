/** All kinds of notifiers. To add one: a file beside this, its config, one case here. */
import type { NotifierConfig } from '../../schemas/config/responders.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Incident } from '../../schemas/types.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { JsonClient } from '../http/json-client.ts';
import { createLogNotifier } from './log.ts';
import type { Notifier, Notifiers } from './notifier.ts';
import { createWebhookNotifier, readWebhookSecret } from './webhook.ts';

export interface NotifierDependencies {
  readonly http: JsonClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  readonly incidentLink?: (incident: Incident) => string | undefined;
}

async function createNotifier(dependencies: NotifierDependencies, config: NotifierConfig): Promise<Notifier> {
  if (config.kind === 'log') return createLogNotifier(config.name, dependencies.log);
  const key = readWebhookSecret(config.name, await dependencies.readSecret(config.secret));
  return createWebhookNotifier(dependencies, { name: config.name, url: config.url, key });
}

/** Makes the configured notifiers; `log` is always there. */
export async function createNotifiers(
  dependencies: NotifierDependencies,
  configs: readonly NotifierConfig[],
): Promise<Notifiers> {
  const byName = new Map<string, Notifier>([['log', createLogNotifier('log', dependencies.log)]]);
  for (const config of configs) byName.set(config.name, await createNotifier(dependencies, config));
  return {
    has: (name) => byName.has(name),
    names: () => [...byName.keys()],
    send(name, notification, signal) {
      const notifier = byName.get(name);
      if (notifier === undefined)
        return Promise.resolve({ ok: false, reason: `there is no notifier ${name}`, passing: false });
      const link = dependencies.incidentLink?.(notification.incident);
      return notifier.send(link === undefined ? notification : { ...notification, link }, signal);
    },
  };
}
