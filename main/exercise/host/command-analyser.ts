import { createCommandAnalyser } from '../../../gateway/protocols/ssh/shell/analyse-command.ts';
import type { AnalysedStatement } from '../plan-events.ts';

/** The gateway's own analyser for the commands of plans. */
export async function createHostAnalyser(): Promise<{
  analyse: (command: string) => AnalysedStatement;
  close: () => Promise<void>;
}> {
  const analyser = await createCommandAnalyser();
  const options = { kind: 'exec', lists: {}, execOnly: false, hmac: () => Buffer.alloc(32) } as const;
  return {
    analyse(command) {
      const { actions, risk, fingerprint, text } = analyser.analyse(command, options);
      return { actions: actions.map((action) => ({ ...action })), risk, fingerprint, text };
    },
    close: async () => analyser.close?.(),
  };
}
