import type { Command } from 'commander';
import type { Page } from '../../schemas/api/common.ts';
import type { IdentityRecord } from '../../schemas/api/identities.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { identityIdOf } from '../issue-token.ts';
import { choice, collect, IDENTITY_KINDS, splitNames, withLimit } from '../options.ts';
import { formatFields, type Column } from '../output.ts';
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
      };
      const made = await context.api().send<IdentityRecord>('PUT', '/v1/identities', body);
      context.output().value(made, () => describe(made));
    });
};

export const registerIdentities: RegisterCommands = (program, context) => {
  const identity = program
    .command('identity')
    .description("identities of the gateway's own: list, show, put");

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
};
