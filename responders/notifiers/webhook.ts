/** HTTP POST signed as Standard Webhooks 1.0 has it, with one symmetric key. */
import type { Clock } from '../../platform/clock/clock.ts';
import { signatures } from '../../platform/webhooks/signing.ts';
import type { JsonClient } from '../http/json-client.ts';
import { respondersError } from '../errors.ts';
import type { Notifier } from './notifier.ts';

const SECRET_PREFIX = 'whsec_';

/** Reads `whsec_BASE64`; 24 to 64 bytes as the specification asks. Throws RESPONDERS_NOTIFIER_INVALID. */
export function readWebhookSecret(name: string, secret: string): Buffer {
  const key = Buffer.from(secret.replace(SECRET_PREFIX, ''), 'base64');
  if (!secret.startsWith(SECRET_PREFIX) || key.length < 24 || key.length > 64)
    throw respondersError('RESPONDERS_NOTIFIER_INVALID', {
      name,
      reason: 'its secret is not `whsec_` and base64 of 24 to 64 bytes',
    });
  return key;
}

export function createWebhookNotifier(
  dependencies: { readonly http: JsonClient; readonly clock: Clock },
  options: { readonly name: string; readonly url: string; readonly key: Buffer },
): Notifier {
  const url = new URL(options.url);
  return {
    name: options.name,
    async send(notification, signal) {
      const seconds = Math.floor(dependencies.clock.now() / 1000);
      const { id, ...data } = notification;
      const body = JSON.stringify({
        type: 'countersign.incident',
        timestamp: new Date(seconds * 1000).toISOString(),
        data,
      });
      const answer = await dependencies.http.post(
        url,
        body,
        {
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': signatures(
            [{ scheme: 'v1', key: options.key }],
            id,
            seconds,
            Buffer.from(body),
          ),
        },
        signal,
      );
      if (!answer.ok) return { ok: false, reason: answer.reason, passing: true };
      if (answer.status < 300) return { ok: true };
      // 410 Gone: the specification's way to say that nobody listens any more.
      const passing = answer.status >= 500 || answer.status === 429 || answer.status === 408;
      return { ok: false, reason: `HTTP ${answer.status}`, passing };
    },
  };
}
