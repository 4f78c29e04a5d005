/** What a statement does, by the real analysis of its protocol: for cases with a statement, and for `policy explain`. */
import { createHmac } from 'node:crypto';
import type { Analysed } from '../../gateway/policy/case-input.ts';
import { createAnalyser } from '../../gateway/protocols/postgres/analysis/create-analyser.ts';
import { createCommandAnalyser } from '../../gateway/protocols/ssh/shell/analyse-command.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { Action } from '../../schemas/types.ts';
import { mainError } from '../errors.ts';

export interface Analysis extends Analysed {
  /** The protocol itself refuses it, whatever policy says. */
  readonly forcedDenial: { readonly rule: string; readonly reason: string } | null;
}

/** Qualified names, as the analysis gives them. */
export interface Unsure {
  /** Written without a schema: the search path of a new session gave them one. */
  readonly bySearchPath: readonly string[];
  /** What may stand behind them (views, rules, triggers, bodies of functions) was not looked at. */
  readonly notLookedInto: readonly string[];
}

export interface StatementAnalyser {
  /** Rejects with POLICY_PROTOCOL_UNKNOWN where the protocol has no statements. */
  analyse(protocol: string, statement: string): Promise<Analysis>;
  /** What only the target's catalogue could say for sure. */
  unsure(protocol: string, statement: string): Promise<Unsure>;
  close(): Promise<void>;
}

/** As PostgreSQL has them in a new session; names mean what the search path alone says, without a catalogue. */
const SETTINGS = {
  searchPath: '"$user", public',
  role: null,
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
};

/** No schema has this name. What lies there was not qualified. */
const NOWHERE = 'countersign_nowhere';
/** Kinds of objects that may run code of somebody's, or stand for something else. */
const DEEP: ReadonlySet<string> = new Set([
  'table',
  'view',
  'materialized_view',
  'relation',
  'function',
  'procedure',
]);
const OWN = /^(?:pg_catalog|information_schema|pg_temp)\./;

const hmac = (secret: string | Uint8Array): Buffer =>
  createHmac('sha256', 'shown to nobody').update(secret).digest();

/** Loads each protocol's analysis when it is first asked for. */
export function createStatementAnalyser(clock: Clock): StatementAnalyser {
  let postgres: ReturnType<typeof createAnalyser> | undefined;
  let ssh: ReturnType<typeof createCommandAnalyser> | undefined;
  const postgresActions = async (statement: string, searchPath: string): Promise<readonly Action[]> => {
    postgres ??= createAnalyser({ clock, hmac });
    const analyser = await postgres;
    const settings = { ...SETTINGS, searchPath };
    return (await analyser.analyse(statement, settings, analyser.createSession())).actions;
  };
  return {
    async unsure(protocol, statement) {
      if (protocol !== 'postgres') return { bySearchPath: [], notLookedInto: [] };
      const actions = await postgresActions(statement, SETTINGS.searchPath);
      const qualified = new Set(
        (await postgresActions(statement, NOWHERE)).map(({ object }) => object ?? ''),
      );
      const names = (list: readonly Action[]): readonly string[] => [
        ...new Set(list.map(({ object }) => object ?? '').filter((name) => name !== '' && !OWN.test(name))),
      ];
      return {
        bySearchPath: names(actions).filter((name) => !qualified.has(name)),
        notLookedInto: names(actions.filter(({ objectKind }) => DEEP.has(objectKind ?? ''))),
      };
    },
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
