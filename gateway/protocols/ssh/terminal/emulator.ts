/**
 * The screen as the client sees it, from the target's bytes. Bytes are kept until somebody asks for the screen, so that a stream that
 * nobody types into costs next to nothing; a flood is cut to its end and to what changes modes.
 */
import { createRequire } from 'node:module';
import type { IMarker, Terminal } from '@xterm/headless';

const PENDING_BYTES_MAX = 512 * 1024;
const KEPT_BYTES = 64 * 1024;
const SCROLLBACK_ROWS = 200;
const MODE_CHANGES_MAX = 1024;
/** Places that are remembered: a line's own, and that of the denied one before it. */
const MARKERS_MAX = 8;

/** xterm's headless build is CommonJS without named exports for ESM; its synchronous write is not in the typings. */
const xterm = createRequire(import.meta.url)('@xterm/headless') as {
  readonly Terminal: new (
    options: Record<string, unknown>,
  ) => Terminal & { readonly _core: { writeSync(bytes: Uint8Array): void } };
};

export interface Place {
  readonly marker: IMarker | undefined;
  readonly column: number;
}

export interface Emulator {
  output(bytes: Buffer): void;
  resize(columns: number, rows: number): void;
  /** A full-screen program has the screen. */
  fullScreen(): boolean;
  /** The cursor's line as far as it wraps. */
  line(): { readonly text: string; readonly beforeCursor: string };
  /** Where the cursor is. */
  place(): Place;
  /** From a place to the end of what is written around the cursor; null where the place is no more. */
  textFrom(place: Place): string | null;
  close(): void;
}

export function createEmulator(columns: number, rows: number): Emulator {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    scrollback: SCROLLBACK_ROWS,
    allowProposedApi: true,
    convertEol: false,
    logLevel: 'off',
  });
  let pendingMax: Buffer[] = [];
  let pendingBytes = 0;
  const markers: IMarker[] = [];

  const sync = (): void => {
    if (pendingBytes === 0) return;
    const bytes = pendingMax.length === 1 ? pendingMax[0]! : Buffer.concat(pendingMax, pendingBytes);
    pendingMax = [];
    pendingBytes = 0;
    terminal._core.writeSync(bytes);
  };
  const cut = (): void => {
    const bytes = Buffer.concat(pendingMax, pendingBytes);
    const kept = bytes.subarray(bytes.length - KEPT_BYTES);
    pendingMax = [modeChanges(bytes.subarray(0, bytes.length - KEPT_BYTES)), kept];
    pendingBytes = pendingMax[0]!.length + kept.length;
  };
  const buffer = (): Terminal['buffer']['active'] => terminal.buffer.active;
  const rowText = (row: number): string => buffer().getLine(row)?.translateToString(true) ?? '';
  const isWrapped = (row: number): boolean => buffer().getLine(row)?.isWrapped === true;
  const cursorRow = (): number => buffer().baseY + buffer().cursorY;
  /** Rows that wrap are joined as they are, the last one without its blanks. */
  const joined = (from: number, to: number, column: number): string => {
    let text = '';
    for (let row = from; row <= to; row++) {
      const goesOn = isWrapped(row + 1);
      const line =
        buffer()
          .getLine(row)
          ?.translateToString(!goesOn, row === from ? column : 0) ?? '';
      text += row > from && !isWrapped(row) ? `\n${line}` : line;
    }
    return text;
  };
  return {
    output(bytes) {
      pendingMax.push(bytes);
      pendingBytes += bytes.length;
      if (pendingBytes > PENDING_BYTES_MAX) cut();
    },
    resize(newColumns, newRows) {
      sync();
      terminal.resize(newColumns, newRows);
    },
    fullScreen() {
      sync();
      return buffer().type === 'alternate';
    },
    line() {
      sync();
      const at = cursorRow();
      let from = at;
      while (from > 0 && isWrapped(from)) from -= 1;
      let to = at;
      while (isWrapped(to + 1)) to += 1;
      const text = joined(from, to, 0);
      const before = at === from ? '' : joined(from, at - 1, 0);
      return {
        text,
        beforeCursor: before + (buffer().getLine(at)?.translateToString(false, 0, buffer().cursorX) ?? ''),
      };
    },
    place() {
      sync();
      const marker = terminal.registerMarker(0);
      if (marker !== undefined) markers.push(marker);
      if (markers.length > MARKERS_MAX) markers.shift()?.dispose();
      return { marker, column: buffer().cursorX };
    },
    textFrom({ marker, column }) {
      sync();
      if (marker === undefined || marker.isDisposed || marker.line > cursorRow()) return null;
      let to = cursorRow();
      while (isWrapped(to + 1)) to += 1;
      // A cursor that was moved up into a text of several lines.
      while (to - cursorRow() < terminal.rows && rowText(to + 1).trim() !== '') to += 1;
      return joined(marker.line, to, column);
    },
    close: () => terminal.dispose(),
  };
}

/** What in dropped bytes changes modes: private modes and resets. */
function modeChanges(bytes: Buffer): Buffer {
  const changes: Buffer[] = [];
  let at = bytes.indexOf(0x1b);
  while (at !== -1 && changes.length < MODE_CHANGES_MAX) {
    const change = /^(?:\[\?[\d;]{1,16}[hl]|c|\[!p)/.exec(bytes.toString('latin1', at + 1, at + 24));
    if (change !== null) changes.push(bytes.subarray(at, at + 1 + change[0].length));
    at = bytes.indexOf(0x1b, at + 1);
  }
  return Buffer.concat(changes);
}
