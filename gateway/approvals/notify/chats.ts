/** Chats in which people decide: who proves itself how, and who is who. */
import type { ApprovalNotifyConfig } from '../../../schemas/config/approvals.ts';
import type { SecretReference } from '../../../schemas/config/secret.ts';
import { isFromSlack, isFromTeams, slackWord, teamsWord, type ChatWord } from './callbacks.ts';

export interface ApprovalChat {
  readonly kind: 'slack' | 'teams';
  /** What was said; null: nothing for us; undefined: the call is not from there. */
  read(
    headers: Readonly<Record<string, string | string[] | undefined>>,
    body: Buffer,
    nowMs: number,
  ): ChatWord | null | undefined;
  /** Identity id of a person of the chat. */
  identityOf(person: string): string | undefined;
}

export async function createChats(
  readSecret: (reference: SecretReference) => Promise<string>,
  configs: readonly ApprovalNotifyConfig[],
): Promise<ReadonlyMap<string, ApprovalChat>> {
  const chats = new Map<string, ApprovalChat>();
  for (const config of configs) {
    if (config.kind === 'webhook') continue;
    const { kind, people } = config;
    const identityOf = (person: string): string | undefined =>
      Object.hasOwn(people, person) ? people[person] : undefined;
    if (config.kind === 'slack') {
      const secret = await readSecret(config.signingSecret);
      chats.set(config.name, {
        kind,
        identityOf,
        read: (headers, body, nowMs) =>
          isFromSlack(headers, body, secret, nowMs) ? (slackWord(body) ?? null) : undefined,
      });
    } else {
      const token = await readSecret(config.securityToken);
      chats.set(config.name, {
        kind,
        identityOf,
        read: ({ authorization }, body) =>
          isFromTeams(typeof authorization === 'string' ? authorization : undefined, body, token)
            ? (teamsWord(body) ?? null)
            : undefined,
      });
    }
  }
  return chats;
}
