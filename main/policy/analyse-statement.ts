/** What a statement does, by the real analysis of its protocol: for cases with a statement, and for `policy explain`. */
import { createHmac } from 'node:crypto';
import type { Analysed } from '../../gateway/policy/case-input.ts';
import { createAnalyser } from '../../gateway/protocols/postgres/analysis/create-analyser.ts';
import { createCommandAnalyser } from '../../gateway/protocols/ssh/shell/analyse-command.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import { mainError } from '../errors.ts';

export interface Analysis extends Analysed {
  /** The protocol itself refuses it, whatever policy says. */
  readonly forcedDenial: { readonly rule: string; readonly reason: string } | null;
}

export interface StatementAnalyser {
  /** Rejects with POLICY_PROTOCOL_UNKNOWN where the protocol has no statements. */
  analyse(protocol: string, statement: string): Promise<Analysis>;
  close(): Promise<void>;
}

/** As PostgreSQL has them in a new session; names mean what the search path alone says, without a catalogue. */
const SETTINGS = {
  searchPath: '"$user", public',
  role: null,
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
};

const hmac = (secret: string | Uint8Array): Buffer =>
  createHmac('sha256', 'shown to nobody').update(secret).digest();

/** Loads each protocol's analysis when it is first asked for. */
export function createStatementAnalyser(clock: Clock): StatementAnalyser {
  let postgres: ReturnType<typeof createAnalyser> | undefined;
  let ssh: ReturnType<typeof createCommandAnalyser> | undefined;
  return {
    async analyse(protocol, statement) {
      if (protocol === 'postgres') {
        postgres ??= createAnalyser({ clock, hmac });
        const analyser = await postgres;
        const found = await analyser.analyse(statement, SETTINGS, analyser.createSession());
        const { actions, risk, fingerprint, forcedDenial } = found;
        return { actions, risk, fingerprint, forcedDenial };
      }
      if (protocol === 'ssh') {
        ssh ??= createCommandAnalyser();
        const options = { kind: 'exec', lists: {}, execOnly: false, hmac } as const;
        const { actions, risk, fingerprint, forcedDenial } = (await ssh).analyse(statement, options);
        return { actions, risk, fingerprint, forcedDenial: forcedDenial ?? null };
      }
      throw mainError('POLICY_PROTOCOL_UNKNOWN', { protocol });
    },
    async close() {
      await (await postgres)?.close();
      await (await ssh)?.close?.();
    },
  };
}
