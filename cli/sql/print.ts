import type { CliContext } from '../context.ts';
import { flatten, formatTable, type Output } from '../output.ts';

const ROWS_SHOWN_MAX = 1000;

export interface PgError {
  readonly message: string;
  readonly severity?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
}

export function printError(error: unknown, context: Pick<CliContext, 'stderr' | 'output'>): void {
  const { message, severity, code, detail, hint } = error as PgError;
  if (context.output().json) {
    context.stderr.write(`${JSON.stringify({ code, message, detail, hint })}\n`);
    return;
  }
  // A notice's code says nothing (00000).
  const shownCode = code === undefined || code === '00000' ? '' : ` ${code}`;
  const first = `${severity ?? 'ERROR'}${shownCode}: ${flatten(message)}`;
  const more = [
    detail === undefined ? '' : `DETAIL: ${flatten(detail)}`,
    hint === undefined ? '' : `HINT: ${flatten(hint)}`,
  ];
  context.stderr.write(`${[first, ...more].filter((line) => line !== '').join('\n')}\n`);
}

const plural = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;

/** What a statement gave; with --json values have their JavaScript types. */
export interface SqlResult {
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

export function printResult(result: SqlResult, output: Output, width: number | undefined): void {
  const { command, rowCount, rows, fields } = result;
  if (output.json) {
    output.line(
      JSON.stringify({ command, rowCount, columns: fields.map(({ name }) => name), rows }, null, 2),
    );
    return;
  }
  if (fields.length === 0) {
    output.line(`${command} ${rowCount ?? ''}`.trim());
    return;
  }
  const shown = rows.slice(0, ROWS_SHOWN_MAX) as readonly (readonly (string | null)[])[];
  const titles = fields.map(({ name }) => name);
  const cells = shown.map((row) => row.map((value) => value ?? ''));
  for (const line of formatTable(titles, cells, width)) output.line(line);
  const more = rows.length > shown.length ? `, the first ${shown.length} shown` : '';
  output.line(`(${plural(rows.length)}${more})`);
}
