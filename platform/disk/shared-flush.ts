/**
 * One flush in flight, shared by all who wait: a flush that began before a caller's append does not cover it, so who comes while
 * one runs shares the next. After a failed flush the kernel may have dropped the dirty pages and call later ones good, so a
 * failure stays: every later flush fails with it until the file is opened anew.
 */
export function createSharedFlush(flush: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failure: unknown;
  let failed = false;

  const start = async (): Promise<void> => {
    if (failed) throw failure;
    try {
      await flush();
    } catch (error) {
      failed = true;
      failure = error;
      throw error;
    }
  };
  const launch = (): Promise<void> => {
    const mine = start().finally(() => {
      if (running === mine) running = undefined;
    });
    running = mine;
    return mine;
  };
  return () => {
    if (running === undefined) return launch();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return launch();
      });
    return next;
  };
}
