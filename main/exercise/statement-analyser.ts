import { createAnalyser } from '../../gateway/protocols/postgres/analysis/create-analyser.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { AnalysedStatement } from './plan-events.ts';

const SETTINGS = { searchPath: null, role: null, standardConformingStrings: true, clientEncoding: 'UTF8' };

/** The gateway's own analyser for the statements of plans, which are all short enough to be analysed at once. */
export async function createStatementAnalyser(
  clock: Clock,
): Promise<{ analyse: (sql: string) => AnalysedStatement; close: () => Promise<void> }> {
  const analyser = await createAnalyser({ clock, hmac: () => Buffer.alloc(32) });
  const session = analyser.createSession();
  return {
    analyse(sql) {
      const found = analyser.analyse(sql, SETTINGS, session);
      if (found instanceof Promise) throw new Error(`not analysed at once: ${sql}`);
      return { ...found, actions: found.actions.map((action) => ({ ...action })) };
    },
    close: () => analyser.close(),
  };
}
