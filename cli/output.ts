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

/** Cuts a text to what a table holds, on one line, without control characters that could steer the terminal. */
export function clip(text: string, length = CELL_CHARACTERS_MAX): string {
  // eslint-disable-next-line no-control-regex
  const flat = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

/** Time as people read it in logs: UTC, to the second. */
export const formatTime = (ms: number | null | undefined): string =>
  ms === null || ms === undefined ? '' : new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

export function createOutput(json: boolean, write: (text: string) => void): Output {
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
      const cells = rows.map((row) => columns.map(({ cell }) => clip(String(cell(row) ?? ''))));
      const widths = columns.map(({ title }, index) =>
        Math.max(title.length, ...cells.map((row) => row[index]!.length)),
      );
      const format = (row: readonly string[]): string =>
        row
          .map((cell, index) => cell.padEnd(widths[index]!))
          .join('  ')
          .trimEnd();
      write([format(columns.map(({ title }) => title.toUpperCase())), ...cells.map(format), ''].join('\n'));
    },
    line(text) {
      write(`${text}\n`);
    },
  };
}
