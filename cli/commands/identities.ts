import type { Command } from 'commander';
import type { Page } from '../../schemas/api/common.ts';
import type { IdentityFinding, IdentityRecord, IdentityReview } from '../../schemas/api/identities.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { parseDuration } from '../duration.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { identityIdOf } from '../issue-token.ts';
import { choice, collect, IDENTITY_KINDS, splitNames, withLimit } from '../options.ts';
import { formatFields, formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

const COLUMNS: readonly Column<IdentityRecord>[] = [
  { title: 'identity', cell: (row) => row.id },
  { title: 'kind', cell: (row) => row.kind },
  { title: 'name', cell: (row) => row.displayName },
  { title: 'break glass', cell: (row) => (row.breakGlass ? 'yes' : '-') },
  { title: 'groups', cell: (row) => row.groups.join(',') },
];

function describe(identity: IdentityRecord): string {
  return formatFields([
    ['identity', identity.id],
    ['kind', identity.kind],
    ['name', identity.displayName],
    ['groups', identity.groups.join(', ')],
    ['on behalf of', identity.onBehalfOf.join(', ')],
    ['break glass', identity.breakGlass ? 'yes: never locked out by automation' : 'no'],
    ['owner', identity.owner ?? ''],
    ['ends', typeof identity.expiresAt !== 'number' ? 'never' : `${formatTime(identity.expiresAt)} UTC`],
    ['longest token', typeof identity.ttlMsMax !== 'number' ? '' : `${identity.ttlMsMax / 1000} s`],
    ['state', identity.active === false ? 'ended by its issuer' : 'active'],
    ...Object.entries(identity.attributes),
  ]);
}

async function find(context: CliContext, subject: string): Promise<IdentityRecord | undefined> {
  const id = identityIdOf(subject);
  return (await context.api().get<Page<IdentityRecord>>('/v1/identities', { id })).items[0];
}

interface PutOptions {
  kind?: string;
  name?: string;
  groups?: string;
  onBehalfOf?: string;
  breakGlass?: boolean;
  attribute?: string[];
  owner?: string;
  expires?: string;
  maxTtl?: string;
}

/** `never`, a duration from now, or a day or time. */
function readEnd(text: string, now: number): number | null {
  if (text === 'never') return null;
  if (/^\d+[smhd]$/.test(text)) return now + parseDuration(text);
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw cliError('CLI_BAD_TIME', { text });
  return time;
}

/** What is named replaces what is known; `none` and `never` take it away. */
function ownership(options: PutOptions, known: IdentityRecord | undefined, now: number) {
  const { owner, expires, maxTtl } = options;
  return {
    owner: owner === undefined ? (known?.owner ?? null) : owner === 'none' ? null : identityIdOf(owner),
    expiresAt: expires === undefined ? (known?.expiresAt ?? null) : readEnd(expires, now),
    ttlMsMax:
      maxTtl === undefined ? (known?.ttlMsMax ?? null) : maxTtl === 'none' ? null : parseDuration(maxTtl),
  };
}

function readAttributes(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw cliError('CLI_USAGE', { reason: `${pair} is no attribute; write NAME=VALUE` });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

const put = (identity: Command, context: CliContext): void => {
  identity
    .command('put')
    .description('make an identity, or change what is named and keep the rest')
    .argument('<identity>', 'identity id (issuer/subject), or account of the gateway')
    .addOption(choice('--kind <kind>', 'kind; human for a new one', IDENTITY_KINDS))
    .option('--name <text>', 'name for people to read')
    .option('--groups <names>', 'groups, by comma')
    .option('--on-behalf-of <ids>', 'whom it works for, by comma')
    .option('--break-glass', 'automation never locks it out')
    .option('--no-break-glass', 'automation may lock it out')
    .option('--owner <identity>', 'who answers for it; none takes the owner away')
    .option('--expires <time>', 'when the account ends: 90d, a day or time, or never')
    .option('--max-ttl <duration>', 'longest life of its tokens; none for no bound of its own')
    .option('--attribute <name=value>', 'attribute; may be given several times', collect)
    .action(async (subject: string, options: PutOptions) => {
      const known = await find(context, subject);
      const body = {
        id: known?.id ?? identityIdOf(subject),
        kind: options.kind ?? known?.kind ?? 'human',
        displayName: options.name ?? known?.displayName ?? subject,
        groups: options.groups === undefined ? (known?.groups ?? []) : splitNames(options.groups),
        onBehalfOf:
          options.onBehalfOf === undefined ? (known?.onBehalfOf ?? []) : splitNames(options.onBehalfOf),
        breakGlass: options.breakGlass ?? known?.breakGlass ?? false,
        attributes: { ...known?.attributes, ...readAttributes(options.attribute ?? []) },
        ...ownership(options, known, context.now()),
      };
      const made = await context.api().send<IdentityRecord>('PUT', '/v1/identities', body);
      context.output().value(made, () => describe(made));
    });
};

const setOwner = (identity: Command, context: CliContext): void => {
  identity
    .command('set-owner')
    .description('say who answers for an account')
    .argument('<identity>', 'identity id (issuer/subject), or account of the gateway')
    .argument('<owner>', 'identity id of the owner; none takes the owner away')
    .action(async (subject: string, owner: string) => {
      const known = await find(context, subject);
      if (known === undefined) throw cliError('CLI_NO_IDENTITY', { id: identityIdOf(subject) });
      const body = { ...known, owner: owner === 'none' ? null : identityIdOf(owner) };
      const made = await context.api().send<IdentityRecord>('PUT', '/v1/identities', body);
      context
        .output()
        .value(made, () =>
          typeof made.owner !== 'string' ? `Nobody owns ${made.id}.` : `${made.owner} owns ${made.id}.`,
        );
    });
};

const FINDINGS: readonly Column<IdentityFinding>[] = [
  { title: 'identity', cell: (row) => row.identityId },
  { title: 'what', cell: (row) => row.kind.replaceAll('_', ' ') },
  { title: 'token', cell: (row) => row.tokenId ?? '-' },
  { title: 'why', cell: (row) => row.detail },
];

const review = (identity: Command, context: CliContext): void => {
  identity
    .command('review')
    .description('what should be looked at: owners that are gone, unused rights, tokens that live too long')
    .option('--fail', 'end with code 1 where there is anything (for jobs)')
    .action(async ({ fail }: { fail?: boolean }) => {
      const found = await context.api().get<IdentityReview>('/v1/identities/review');
      const output = context.output();
      if (output.json) output.value(found, () => '');
      else {
        output.table(found.findings, FINDINGS, `Nothing to look at among ${found.identities} identities.`);
        if (!found.usageKnown)
          output.line('Who used what is not known: the search index could not be asked.');
      }
      if (fail === true && found.findings.length > 0) process.exitCode = EXIT.failed;
    });
};

export const registerIdentities: RegisterCommands = (program, context) => {
  const identity = program.command('identity').description('identities: list, show, put, owners, review');

  withLimit(identity.command('ls').description('list identities')).action(
    async ({ limit }: { limit: number }) => {
      const items = await readItems<IdentityRecord>(context.api(), '/v1/identities', {}, limit);
      context.output().table(items, COLUMNS, 'No identities.');
    },
  );

  identity
    .command('show')
    .description('one identity')
    .argument('<identity>', 'identity id (issuer/subject), or account of the gateway')
    .action(async (subject: string) => {
      const found = await find(context, subject);
      if (found === undefined) throw cliError('CLI_NO_IDENTITY', { id: identityIdOf(subject) });
      context.output().value(found, () => describe(found));
    });

  put(identity, context);
  setOwner(identity, context);
  review(identity, context);
};
