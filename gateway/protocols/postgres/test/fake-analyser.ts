/** An analyser for the relay's tests: first words only. Slow where the text says so. */
import type { Analyser, StatementAnalysis } from '../analysis/analyser.ts';

export function createFakeAnalyser(): Analyser & {
  readonly seen: { sql: string; searchPath: string | null }[];
} {
  const seen: { sql: string; searchPath: string | null }[] = [];
  return {
    seen,
    createSession: () => ({
      kind: 'analyser-session',
      state: undefined,
      catalogueTouched() {},
      transactionEnded() {},
    }),
    analyseCall(oid) {
      const text = `function call, object id ${oid}`;
      const action = { action: 'opaque_code', objectKind: null, object: null, columns: [], whole: false };
      return Promise.resolve({
        statements: 1,
        actions: [action],
        risk: 'high' as const,
        fingerprint: null,
        text,
        secretsLifted: false,
        forcedDenial: null,
        changesSessionState: true,
        changesCatalogue: true,
      });
    },
    analyse(sql, settings) {
      seen.push({ sql, searchPath: settings.searchPath });
      const word = /[a-z]+/i.exec(sql.replace(/^\s*(\/\*.*?\*\/\s*)*/s, ''))?.[0]?.toLowerCase() ?? 'empty';
      const secret = /password '([^']*)'/i.exec(sql);
      const analysis: StatementAnalysis = {
        statements: sql.split(';').filter((part) => part.trim() !== '').length,
        actions: [{ action: word, objectKind: null, object: null, columns: [], whole: false }],
        risk: /drop|truncate/i.test(sql) ? 'high' : 'low',
        fingerprint: null,
        text: secret === null ? sql : sql.replace(secret[1]!, 'hmac:0000'),
        secretsLifted: secret !== null,
        forcedDenial: /^set .*client_connection_check_interval/i.test(sql)
          ? { rule: 'protocol', reason: 'the setting belongs to the gateway' }
          : null,
        changesSessionState: /search_path|set\s+(local\s+)?role|client_encoding|conforming/i.test(sql),
        changesCatalogue: false,
      };
      return sql.includes('slow analysis') ? Promise.resolve(analysis) : analysis;
    },
  };
}
