/** What people and scripts read: tables and sentences by default, JSON with --json. */
export interface Output {
  readonly json: boolean;
  /** A value: as JSON, or as `human` renders it. */
  value(value: unknown, human: () => string): void;
  /** Rows: as a JSON list, or as a table. */
  table<T>(rows: readonly T[], columns: readonly Column<T>[], empty: string): void;
  /** One line as it is. */
  line(text: string): void;
}

export interface Column<T> {
  readonly title: string;
  cell(row: T): string | number | null | undefined;
}

const CELL_CHARACTERS_MAX = 60;
const LAST_CELL_CHARACTERS_MIN = 30;
const LAST_CELL_CHARACTERS_MAX = 1000;

/** A text on one line, without control characters that could steer the terminal. */
export const flatten = (text: string): string =>
  // eslint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();

/** A text on its lines; control characters that could steer the terminal, or hide what stands there, are written out. */
export const printable = (text: string): string =>
  text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Cuts a text to what a table holds. */
export function clip(text: string, length = CELL_CHARACTERS_MAX): string {
  const flat = flatten(text);
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

/** Time as people read it in logs: UTC, to the second. */
export const formatTime = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '' : new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** Columns side by side, two spaces between. The last one gets what is left of `width`, or all it needs where there is no terminal. */
export function formatTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const last = titles.length - 1;
  const cells = rows.map((row) =>
    row.map((cell, index) => clip(cell, index === last ? LAST_CELL_CHARACTERS_MAX : CELL_CHARACTERS_MAX)),
  );
  const widths = titles.map((title, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]!.length)),
  );
  const before = widths.slice(0, last).reduce((sum, each) => sum + each + 2, 0);
  const room = width === undefined ? widths[last]! : Math.max(LAST_CELL_CHARACTERS_MIN, width - before);
  return [titles, ...cells].map((row) =>
    row
      .map((cell, index) => (index === last ? clip(cell, room) : cell.padEnd(widths[index]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** `name  value` lines; names without a value are left out. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | number | null | undefined])[],
): string {
  const shown = fields.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${flatten(String(value))}`).join('\n');
}

/** A titled table below other text; nothing where there are no rows. */
export function formatSection<T>(
  title: string,
  rows: readonly T[],
  columns: readonly Column<T>[],
  width?: number,
): string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => columns.map(({ cell }) => String(cell(row) ?? '')));
  const table = formatTable(
    columns.map((column) => column.title.toUpperCase()),
    cells,
    width === undefined ? undefined : width - 2,
  );
  return ['', title, ...table.map((line) => `  ${line}`)];
}

export function createOutput(json: boolean, write: (text: string) => void, width?: number): Output {
  return {
    json,
    value(value, human) {
      write(`${json ? JSON.stringify(value, null, 2) : human()}\n`);
    },
    table(rows, columns, empty) {
      if (json) {
        write(`${JSON.stringify(rows, null, 2)}\n`);
        return;
      }
      if (rows.length === 0) {
        write(`${empty}\n`);
        return;
      }
      const cells = rows.map((row) => columns.map(({ cell }) => String(cell(row) ?? '')));
      const titles = columns.map(({ title }) => title.toUpperCase());
      write(`${formatTable(titles, cells, width).join('\n')}\n`);
    },
    line(text) {
      write(`${text}\n`);
    },
  };
}
