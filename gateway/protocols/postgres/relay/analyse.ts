/** Analyses for what has no text of its own: names that only the target knows. */
import { higherRisk } from '../../../policy/risk.ts';
import type { StatementAnalysis } from '../analysis/analyser.ts';

/** A name that may stand for either: all actions of both, the higher risk. */
export function eitherAnalysis(one: StatementAnalysis, other: StatementAnalysis): StatementAnalysis {
  return {
    statements: Math.max(one.statements, other.statements),
    actions: [...one.actions, ...other.actions],
    risk: higherRisk(one.risk, other.risk),
    fingerprint: one.fingerprint,
    text: one.text,
    secretsLifted: one.secretsLifted || other.secretsLifted,
    forcedDenial: one.forcedDenial ?? other.forcedDenial,
    changesSessionState: one.changesSessionState || other.changesSessionState,
    changesCatalogue: one.changesCatalogue || other.changesCatalogue,
  };
}

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** May the text make a statement name mean something else? Only an SQL-level PREPARE can. */
export const mayPrepare = (sql: string): boolean => /prepare/i.test(sql);

/** May it read COPY data from the client? Keywords have no other spelling. */
export const mayReadCopy = (sql: string): boolean => /copy/i.test(sql);

/** May it end a transaction, or a part of one, and so take settings back? */
export const mayRollBack = (sql: string): boolean => /rollback|abort|release|commit|end|prepare/i.test(sql);
