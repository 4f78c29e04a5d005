/** What comes back from chats: who it is from is proved by the sender's signature, and who the person is by the configuration. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SLACK_GRANT, SLACK_REFUSE } from './messages.ts';

/** One person's word in a chat. */
export interface ChatWord {
  readonly approvalId: string;
  readonly granted: boolean;
  /** The chat's own immutable id of the person. */
  readonly person: string;
  readonly reason: string;
}

/** Older ones may be played back (Slack: "Verifying requests from Slack"). */
const AGE_S_MAX = 300;
const REASON_MAX = 2000;

const same = (shown: Buffer, right: Buffer): boolean =>
  shown.length === right.length && timingSafeEqual(shown, right);

/** `v0=HEX` over `v0:TIMESTAMP:BODY` with the app's signing secret. */
export function isFromSlack(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Buffer,
  signingSecret: string,
  nowMs: number,
): boolean {
  const timestamp = headers['x-slack-request-timestamp'];
  const signature = headers['x-slack-signature'];
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^\d{1,12}$/.test(timestamp))
    return false;
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > AGE_S_MAX) return false;
  const right = createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex');
  return same(Buffer.from(signature), Buffer.from(`v0=${right}`));
}

/** `HMAC BASE64` over the body with the outgoing webhook's security token (Teams: "Create Outgoing Webhooks"). */
export function isFromTeams(authorization: string | undefined, body: Buffer, securityToken: string): boolean {
  const right = createHmac('sha256', Buffer.from(securityToken, 'base64')).update(body).digest('base64');
  return same(Buffer.from(authorization ?? ''), Buffer.from(`HMAC ${right}`));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const part = (value: unknown, name: string): unknown =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined;

/** A press of a button; undefined where it is none of ours. */
export function slackWord(body: Buffer): ChatWord | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(new URLSearchParams(body.toString('utf8')).get('payload') ?? '');
  } catch {
    return undefined;
  }
  const actions = part(payload, 'actions');
  const pressed: unknown = Array.isArray(actions) ? actions[0] : undefined;
  const action = text(part(pressed, 'action_id'));
  if (action !== SLACK_GRANT && action !== SLACK_REFUSE) return undefined;
  const approvalId = text(part(pressed, 'value'));
  const person = text(part(part(payload, 'user'), 'id'));
  if (approvalId === '' || person === '') return undefined;
  return { approvalId, granted: action === SLACK_GRANT, person, reason: 'decided in Slack' };
}

/** `@Countersign agree ID REASON` or `refuse ID REASON`; undefined where it is none of ours. */
export function teamsWord(body: Buffer): ChatWord | undefined {
  let message: unknown;
  try {
    message = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  // The mention stands in the text as markup.
  const said = text(part(message, 'text'))
    .replaceAll(/<at>[^<]*<\/at>/g, ' ')
    .replaceAll('&nbsp;', ' ')
    .trim();
  const match = /^(agree|refuse)\s+([0-9a-f-]{36})\s*(.*)$/s.exec(said);
  const person = text(part(part(message, 'from'), 'aadObjectId'));
  if (match === null || person === '') return undefined;
  const reason = match[3]!.trim().slice(0, REASON_MAX);
  return {
    approvalId: match[2]!,
    granted: match[1] === 'agree',
    person,
    reason: reason === '' ? 'decided in Teams' : reason,
  };
}
