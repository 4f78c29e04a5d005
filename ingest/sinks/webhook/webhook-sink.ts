/**
 * HTTPS webhook: a batch is one POST of ECS documents, signed as Standard Webhooks has it.
 *
 *   sink                                   receiver
 *    |-- POST, webhook-id, -timestamp, -signature -->|
 *    |<-- 2xx: it has all of them -------------------|   commit
 *    |<-- 4xx: it never will ------------------------|   halves, then dead-letters
 *    |<-- 429, 5xx, silence -------------------------|   wait (Retry-After), the same id again
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { WebhookSinkConfig } from '../../../schemas/config/sinks.ts';
import { sinkError } from '../errors.ts';
import { toNested } from '../outgoing.ts';
import type { OutgoingDocument, Sink, SinkDeps } from '../sink.ts';
import { readTlsOptions } from '../tls-options.ts';
import { createGuardedLookup, isAllowedAddress } from './addresses.ts';
import { outcomeOf } from './answers.ts';
import { createHttpsPoster, type HttpsPoster } from './https-post.ts';
import { readSigningKey, signatures, type SigningKey } from '../../../platform/webhooks/signing.ts';

const CONTENT_TYPES = { 'json-array': 'application/json', ndjson: 'application/x-ndjson' } as const;

const lineOf = ({ fields, ocsf }: OutgoingDocument): string => JSON.stringify(ocsf ?? toNested(fields));

function bodyOf(format: WebhookSinkConfig['format'], batch: readonly OutgoingDocument[]): Buffer {
  const lines = batch.map(lineOf);
  return Buffer.from(format === 'ndjson' ? `${lines.join('\n')}\n` : `[${lines.join(',')}]`);
}

/** The same for the same batch, whenever it is sent; without a full stop, since that ends the id in what is signed. */
function batchId(name: string, batch: readonly OutgoingDocument[]): string {
  const digest = createHash('sha256');
  for (const { deliveryId } of batch) digest.update(`${deliveryId}\n`);
  return `msg_${name}_${digest.digest('hex').slice(0, 40)}`;
}

async function readKeys(deps: SinkDeps, { name, signingKeys }: WebhookSinkConfig): Promise<SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const reference of signingKeys) {
    const key = readSigningKey(await deps.readSecret(reference));
    if (key === undefined)
      throw sinkError('SINK_INVALID', {
        name,
        reason: 'a signing key is neither `whsec_` and base64 of 24 to 64 bytes nor `whsk_` and base64 of 32',
      });
    keys.push(key);
  }
  return keys;
}

export async function createWebhookSink(deps: SinkDeps, config: WebhookSinkConfig): Promise<Sink> {
  const { clock } = deps;
  const { name } = config;
  const url = new URL(config.url);
  if (
    isIP(url.hostname.replace(/^\[|\]$/g, '')) > 0 &&
    !isAllowedAddress(url.hostname, config.privateAddresses)
  )
    throw sinkError('SINK_INVALID', {
      name,
      reason: `${url.hostname} is an address that a webhook may not be at`,
    });
  const keys = await readKeys(deps, config);
  const authorization = config.authorization && (await deps.readSecret(config.authorization));
  const open = (): HttpsPoster =>
    createHttpsPoster(clock, {
      url,
      timeoutMs: config.attemptTimeoutMs,
      tls: readTlsOptions(name, config.tls),
      lookup: createGuardedLookup(config.privateAddresses),
    });
  let poster = open();
  /** After trouble, with certificates as they are now. */
  const reopen = (): void => {
    try {
      const next = open();
      // Another partition's post may be under way on it.
      poster.retire();
      poster = next;
    } catch {
      // A file that is being replaced: the old ones do for another try.
    }
  };

  return {
    sizeOf: (document) => Buffer.byteLength(lineOf(document)) + 1,
    async send(batch, signal) {
      const body = bodyOf(config.format, batch);
      const id = batchId(name, batch);
      const seconds = Math.floor(clock.now() / 1000);
      const result = await poster.post(
        body,
        {
          'content-type': CONTENT_TYPES[config.format],
          'user-agent': `Countersign/${deps.version}`,
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': signatures(keys, id, seconds, body),
          ...(authorization === undefined ? {} : { authorization }),
        },
        signal,
      );
      if (result.ok) return outcomeOf(result.answer, clock.now());
      if (!result.sent) reopen();
      return { outcome: 'failed', cause: result.sent ? 'cut' : 'receiver', reason: result.reason };
    },
    close: () => poster.close(),
  };
}
