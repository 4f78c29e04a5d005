/** Aborts on the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
export function interruptedBySignals(): AbortSignal {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted) process.exit(130);
      abort.abort(new Error(`interrupted by ${signal}`));
    });
  }
  return abort.signal;
}
