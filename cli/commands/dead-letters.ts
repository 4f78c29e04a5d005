/** Records that were given up: what there is, what is in one, and once more into its topic. */
import type { Command } from 'commander';
import type {
  DeadLetterDetail,
  DeadLetterSummary,
  ReplayAnswer,
  ReplayResult,
} from '../../schemas/api/dead-letters.ts';
import type { Query } from '../api-client.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { withLimit } from '../options.ts';
import { formatFields, formatTime, type Column } from '../output.ts';
import { readItems } from '../pages.ts';

interface Wanted {
  readonly topic?: string;
  readonly stage?: string;
  readonly code?: string;
}

/** As many as one call takes. */
const BATCH = 200;
/** Of one command; the next one takes those that are left. */
const MATCHING_MAX = 10_000;

const COLUMNS: readonly Column<DeadLetterSummary>[] = [
  { title: 'dead letter', cell: (row) => row.id },
  { title: 'given up', cell: (row) => formatTime(row.time) },
  { title: 'code', cell: (row) => row.code },
  { title: 'bytes', cell: (row) => row.valueBytes },
  { title: 'replayed', cell: (row) => formatTime(row.replayed?.at) },
  { title: 'reason', cell: (row) => row.reason },
];
const RESULT_COLUMNS: readonly Column<ReplayResult>[] = [
  { title: 'dead letter', cell: (row) => row.id },
  { title: 'outcome', cell: (row) => row.outcome.replace('_', ' ') },
  {
    title: 'stands now at',
    cell: (row) => (row.replayed === null ? '' : `${row.replayed.partition}/${row.replayed.offset}`),
  },
  { title: 'why not', cell: (row) => (row.detail === null ? '' : `${row.code}: ${row.detail}`) },
];

const withWanted = (command: Command): Command =>
  command
    .option('--topic <name>', 'from this topic, such as countersign.session-events')
    .option('--stage <name>', 'given up by this stage, such as detectors or ingest/index')
    .option('--code <code>', 'with this error code');

const queryOf = ({ topic, stage, code }: Wanted): Query => ({ topic, stage, code });

function describe(letter: DeadLetterDetail): string {
  const { decoded, replayed, dump } = letter;
  const head = formatFields([
    ['dead letter', letter.id],
    ['given up', `${formatTime(letter.time)} UTC by ${letter.stage}`],
    ['code', letter.code],
    ['reason', letter.reason],
    ['key', letter.key],
    ['bytes', letter.valueBytes],
    ['unreadable', letter.problem],
    [
      'replayed',
      replayed === null
        ? 'no'
        : `${formatTime(replayed.at)} UTC by ${replayed.by}, to ${replayed.partition}/${replayed.offset}`,
    ],
  ]);
  const body = decoded === null ? dump : JSON.stringify(decoded, null, 2).split('\n');
  const next = replayed === null ? ['', `countersign dead-letter replay ${letter.id} --reason TEXT`] : [];
  return [head, '', ...body, ...next].join('\n');
}

async function replay(
  context: CliContext,
  ids: readonly string[],
  options: Wanted & { readonly matching?: boolean; readonly reason: string },
): Promise<void> {
  const api = context.api();
  if ((options.matching === true) === ids.length > 0)
    throw cliError('CLI_USAGE', { reason: 'name dead letters, or say --matching' });
  const wanted =
    options.matching === true
      ? (await readItems<DeadLetterSummary>(api, '/v1/dead-letters', queryOf(options), MATCHING_MAX)).map(
          ({ id }) => id,
        )
      : ids;
  // Oldest first, as they came.
  const inOrder = options.matching === true ? wanted.toReversed() : wanted;
  const results: ReplayResult[] = [];
  for (let at = 0; at < inOrder.length; at += BATCH) {
    const body = { ids: inOrder.slice(at, at + BATCH), reason: options.reason };
    results.push(...(await api.send<ReplayAnswer>('POST', '/v1/dead-letters/replay', body)).results);
  }
  context.output().table(results, RESULT_COLUMNS, 'No dead letters to replay.');
  if (results.some(({ outcome }) => outcome === 'refused')) process.exitCode = EXIT.failed;
}

export const registerDeadLetters: RegisterCommands = (program, context) => {
  const deadLetter = program
    .command('dead-letter')
    .description('records that could not be read or written: list, show, replay');

  withLimit(
    withWanted(
      deadLetter
        .command('ls')
        .description('list dead letters, newest first')
        .option('--all', 'also those that were replayed')
        .option('--from-log', 'from the topic itself, for when the index is away or behind'),
    ),
  ).action(async (options: Wanted & { all?: boolean; fromLog?: boolean; limit: number }) => {
    const query = {
      ...queryOf(options),
      state: options.all === true ? 'all' : 'waiting',
      source: options.fromLog === true ? 'log' : 'index',
    };
    const items = await readItems<DeadLetterSummary>(context.api(), '/v1/dead-letters', query, options.limit);
    context.output().table(items, COLUMNS, 'No dead letters.');
  });

  deadLetter
    .command('show')
    .description('what is in a dead letter: as JSON where it can be read now, else its bytes')
    .argument('<dead-letter>', 'its id')
    .action(async (id: string) => {
      const letter = await context.api().get<DeadLetterDetail>(`/v1/dead-letters/${encodeURIComponent(id)}`);
      context.output().value(letter, () => describe(letter));
    });

  withWanted(
    deadLetter
      .command('replay')
      .description('put records into their topics once more; each is replayed once, whoever asks')
      .argument('[dead-letters...]', 'their ids')
      .option('--matching', 'all that wait and match --topic, --stage, --code, oldest first'),
  )
    .requiredOption('--reason <text>', 'why; stands in the audit trail')
    .action((ids: string[], options: Wanted & { matching?: boolean; reason: string }) =>
      replay(context, ids, options),
    );
};
