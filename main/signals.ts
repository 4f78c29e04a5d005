/** Signals of the process. */
import { closeSync, openSync } from 'node:fs';

let onHangup: (() => void) | undefined;

/** SIGHUP from a terminal that was closed means the end; from anybody else it is the customary word for "read your files again". */
function terminalIsGone(): boolean {
  if (!process.stdin.isTTY && !process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

/** From now on SIGHUP calls `reload` instead of ending the program. */
export function reloadOnHangup(reload: () => void): void {
  onHangup = reload;
}

/** Aborts on the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
export function interruptedBySignals(): AbortSignal {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && onHangup !== undefined && !abort.signal.aborted && !terminalIsGone()) {
        onHangup();
        return;
      }
      if (abort.signal.aborted) process.exit(130);
      abort.abort(new Error(`interrupted by ${signal}`));
    });
  }
  return abort.signal;
}
