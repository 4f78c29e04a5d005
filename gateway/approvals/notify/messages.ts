/** What approvers are sent, in the form of each kind of receiver. */
import type { StoredApproval } from '../approval.ts';

export type NoticeKind = 'webhook' | 'slack' | 'teams';

/** Values of buttons and words of commands, as they come back. */
export const SLACK_GRANT = 'countersign_grant';
export const SLACK_REFUSE = 'countersign_refuse';

const TEXT_MAX = 1500;

const short = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)} …` : text);
const isPending = ({ state }: StoredApproval): boolean => state === 'pending';

function title(approval: StoredApproval): string {
  const { identityName, identityId, connection, state, grant } = approval;
  const who = identityName === '' ? identityId : identityName;
  if (!isPending(approval)) return `Approval ${state}: ${who} on ${connection}`;
  return grant === null
    ? `${who} waits for an approval on ${connection}`
    : `${who} asks for ${grant.name} on ${connection}`;
}

function facts(approval: StoredApproval): (readonly [string, string])[] {
  const { shown, demand, words } = approval;
  const last = words.at(-1);
  const found: (readonly [string, string | null | undefined])[] = [
    ['Who', `${approval.identityId} (${approval.identityKind})`],
    ['On behalf of', approval.principals.join(', ')],
    ['Source', approval.credentialSource],
    ['Does', shown?.actions.join(', ')],
    ['Touches', shown?.impact.join('; ')],
    ['Risk', shown?.risk],
    ['Why', approval.reason],
    ['Says', approval.statedReason],
    ['Ticket', approval.ticket],
    ['Needs', `${demand.approvals}${demand.groups.length === 0 ? '' : ` of ${demand.groups.join(', ')}`}`],
    ['Decided', last === undefined ? null : `${last.by}: ${last.reason}`],
  ];
  return found.filter((fact): fact is readonly [string, string] => (fact[1] ?? '') !== '');
}

/** Characters that Slack's mrkdwn and links are made of (Slack: "Escaping text"). */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function slack(approval: StoredApproval, link: string): object {
  const { approvalId, shown, demand } = approval;
  const button = (text: string, action: string, style: string) => ({
    type: 'button',
    text: { type: 'plain_text', text },
    action_id: action,
    value: approvalId,
    style,
  });
  const open = { type: 'button', text: { type: 'plain_text', text: 'Open' }, url: link, action_id: 'open' };
  return {
    text: slackText(title(approval)),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: title(approval).slice(0, 150) } },
      {
        type: 'section',
        fields: facts(approval)
          .slice(0, 10)
          .map(([name, value]) => ({ type: 'mrkdwn', text: `*${name}*\n${slackText(short(value))}` })),
      },
      ...(shown === null
        ? []
        : [
            {
              type: 'section',
              text: {
                type: 'mrkdwn',
                text: `\`\`\`${slackText(short(shown.text)).replaceAll('```', "'''")}\`\`\``,
              },
            },
          ]),
      ...(isPending(approval)
        ? [
            {
              type: 'actions',
              elements: [
                open,
                // A second factor cannot be shown here.
                ...(demand.secondFactor ? [] : [button('Agree', SLACK_GRANT, 'primary')]),
                button('Refuse', SLACK_REFUSE, 'danger'),
              ],
            },
          ]
        : []),
    ],
  };
}

/** An Adaptive Card, as Teams' workflows take it ("Post to a channel when a webhook request is received"). */
function teams(approval: StoredApproval, link: string): object {
  const { approvalId, shown } = approval;
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      { type: 'TextBlock', size: 'Large', weight: 'Bolder', wrap: true, text: title(approval) },
      {
        type: 'FactSet',
        facts: facts(approval).map(([name, value]) => ({ title: name, value: short(value) })),
      },
      ...(shown === null
        ? []
        : [{ type: 'TextBlock', fontType: 'Monospace', wrap: true, text: short(shown.text) }]),
      ...(isPending(approval)
        ? [
            {
              type: 'TextBlock',
              isSubtle: true,
              wrap: true,
              text: `In the channel: refuse ${approvalId} REASON, or agree ${approvalId} REASON where no second factor is asked for.`,
            },
          ]
        : []),
    ],
    actions: isPending(approval) ? [{ type: 'Action.OpenUrl', title: 'Open', url: link }] : [],
  };
  return {
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card },
    ],
  };
}

/** Standard Webhooks' envelope. */
function webhook(approval: StoredApproval, link: string, now: number): object {
  const { binding: _binding, ...data } = approval;
  return {
    type: `countersign.approval.${approval.state}`,
    timestamp: new Date(now).toISOString(),
    data: { ...data, link },
  };
}

export function messageOf(kind: NoticeKind, approval: StoredApproval, link: string, now: number): object {
  if (kind === 'slack') return slack(approval, link);
  return kind === 'teams' ? teams(approval, link) : webhook(approval, link, now);
}
