/**
 * Calls back in this turn of the event loop, when all sockets that are ready now have been read. It is no time that passes: who
 * gathers what comes in one turn asks for it. In the order of the calls.
 */
export function atTurnEnd(callback: () => void): void {
  setImmediate(callback);
}
