/** Tells approvers what waits and what became of it: bounded, tried again, and never in the way of who waits. */
import type { Clock, Random } from '../../../platform/clock/clock.ts';
import type { Logger } from '../../../platform/log/log.ts';
import type { Metrics } from '../../../platform/metrics/metrics.ts';
import { readSigningKey, signatures, type SigningKey } from '../../../platform/webhooks/signing.ts';
import type { ApprovalNotifyConfig } from '../../../schemas/config/approvals.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import { createJsonCaller, type JsonCaller } from '../../access/http/json-call.ts';
import type { StoredApproval } from '../approval.ts';
import { approvalError } from '../errors.ts';
import { messageOf } from './messages.ts';

export interface ApprovalNotices {
  /** Sends how an approval stands now to every receiver; returns at once. */
  tell(approval: StoredApproval): void;
  close(): Promise<void>;
}

export interface ApprovalNoticesDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
  /** Where people look at an approval. */
  readonly link: (approvalId: string) => string;
}

interface Receiver {
  readonly config: ApprovalNotifyConfig;
  readonly url: string;
  readonly keys: readonly SigningKey[];
  readonly caller: JsonCaller;
}

const UNDER_WAY_MAX = 1000;
const TRIES = 5;
const PAUSE_MS = 1000;
const TIMEOUT_MS = 10_000;

async function receiverOf(
  { clock, readSecret }: Pick<ApprovalNoticesDeps, 'clock' | 'readSecret'>,
  config: ApprovalNotifyConfig,
): Promise<Receiver> {
  const url = await readSecret(config.url);
  const keys: SigningKey[] = [];
  if (config.kind === 'webhook') {
    const key = readSigningKey(await readSecret(config.signingKey));
    if (key === undefined)
      throw approvalError('APPROVAL_NOTIFY_INVALID', {
        name: config.name,
        reason:
          'its signing key is neither `whsec_` and base64 of 24 to 64 bytes nor `whsk_` and base64 of 32 bytes',
      });
    keys.push(key);
  }
  const { caFile } = config;
  const caller = createJsonCaller(clock, {
    timeoutMs: TIMEOUT_MS,
    ...(caFile === undefined ? {} : { caFile }),
  });
  return { config, url, keys, caller };
}

/** Throws APPROVAL_NOTIFY_INVALID, and where a secret cannot be read. */
export async function createApprovalNotices(
  deps: ApprovalNoticesDeps,
  configs: readonly ApprovalNotifyConfig[],
): Promise<ApprovalNotices> {
  const { clock, random, log, metrics } = deps;
  const receivers = await Promise.all(configs.map((config) => receiverOf(deps, config)));
  const lost = metrics.counter(
    'countersign_approval_notices_lost_total',
    'Notices to approvers that could not be delivered.',
  );
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();

  const send = async ({ config, url, keys, caller }: Receiver, approval: StoredApproval): Promise<void> => {
    const { approvalId, state } = approval;
    const id = `${approvalId}/${state}/${approval.words.length}`;
    const body = messageOf(config.kind, approval, deps.link(approvalId), clock.now());
    for (let left = TRIES; left > 0 && !stopping.signal.aborted; left -= 1) {
      const seconds = Math.floor(clock.now() / 1000);
      const headers: Record<string, string> =
        keys.length === 0
          ? {}
          : {
              'webhook-id': id,
              'webhook-timestamp': String(seconds),
              'webhook-signature': signatures(keys, id, seconds, Buffer.from(JSON.stringify(body))),
            };
      const answer = await caller.call(url, { headers, body, anyAnswer: true });
      if (answer.ok && answer.status < 300) return;
      const reason = answer.ok ? `HTTP ${answer.status}` : answer.reason;
      log.warn({ receiver: config.name, approvalId, reason }, 'approvers could not be told');
      if (answer.ok && answer.status < 500 && answer.status !== 429 && answer.status !== 408) break;
      const pauseMs = PAUSE_MS * 2 ** (TRIES - left) * (0.5 + random.float());
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
    }
    lost.add();
  };
  return {
    tell(approval) {
      for (const receiver of receivers) {
        if (underWay.size >= UNDER_WAY_MAX) {
          lost.add();
          continue;
        }
        const work: Promise<void> = send(receiver, approval).catch((error: unknown) => {
          log.error({ error, receiver: receiver.config.name }, 'approvers could not be told');
        });
        underWay.add(work);
        work.then(
          () => underWay.delete(work),
          () => underWay.delete(work),
        );
      }
    },
    async close() {
      stopping.abort();
      await Promise.all(underWay);
      for (const { caller } of receivers) caller.close();
    },
  };
}
