/** What the relay asks of the analysis: what does this command string do, before the target sees it. */
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { Made, SessionCatalogue } from './effects.ts';

/** Session state that changes what a statement means. `null` means not known. */
export interface SessionSettings {
  searchPath: string | null;
  role: string | null;
  standardConformingStrings: boolean;
  clientEncoding: string;
}

export interface StatementAnalysis {
  /** One entry per statement in the string, in order. */
  statements: number;
  actions: Action[];
  risk: RiskClass;
  fingerprint: string | null;
  /** Command text with secrets lifted, for event and recording. */
  text: string;
  /** The bytes sent on when allowed equal the client's bytes; this says the text held secrets. */
  secretsLifted: boolean;
  /** The protocol must refuse it whatever policy says (e.g. SET client_connection_check_interval). */
  forcedDenial: { rule: string; reason: string } | null;
  /**
   * May change search_path, role, session authorisation, standard_conforming_strings or client_encoding: what is pipelined
   * behind waits for the answer.
   */
  changesSessionState: boolean;
  /** May change what names mean in the target, for this session and others. */
  changesCatalogue: boolean;
  /**
   * One statement that names what the catalogue does not have, of a kind whose names the target looks up when it parses: so it
   * can say itself that they are not there, without running anything unless `atParse` says so.
   */
  unknownName?: true;
  /** Some of it may run at a Parse, before any Bind: values of types that run something. */
  atParse?: true;
  /** What it makes, for the session's own later commands. */
  made?: readonly Made[];
}

/** Per-session memory: SQL-level PREPARE, EXECUTE and DEALLOCATE names are resolved by the analyser through it. */
export interface AnalyserSession {
  readonly kind: 'analyser-session';
  /** An analysis holds as long as this is what it was when it was made. */
  readonly state: unknown;
  /** A command that may have changed the catalogue is on its way. */
  catalogueTouched(): void;
  /** The target is outside a transaction: what changed is there for everybody. */
  transactionEnded(): void;
}

export interface Analyser {
  /**
   * Synchronous for warm shapes and small statements, a promise where a worker or first load is needed. Never throws: what
   * cannot be analysed is opaque_code.
   */
  analyse(
    sql: string,
    settings: SessionSettings,
    session: AnalyserSession,
    /** Object ids of its parameters' types, those that are not PostgreSQL's own. */
    parameterTypes?: readonly number[],
  ): StatementAnalysis | Promise<StatementAnalysis>;
  /** The same for a function that is named by its object id: as a call of it with arguments that nobody knows. */
  analyseCall(oid: number, settings: SessionSettings, session: AnalyserSession): Promise<StatementAnalysis>;
  /** Per-session memory (SQL-level PREPARE, what the session made). */
  createSession(catalogue?: SessionCatalogue): AnalyserSession;
}
