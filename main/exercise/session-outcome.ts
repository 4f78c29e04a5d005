/** What became of a session that was really run, whatever its protocol. */
export interface StatementOutcome {
  readonly sql: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** ran: answered; denied: the gateway refused it; failed: the target did; ended, never_sent: the session was over. */
  readonly state: 'ran' | 'denied' | 'failed' | 'ended' | 'never_sent';
  /** Rows, or lines of output. */
  readonly rows: number;
  readonly message: string;
}

export interface SessionOutcome {
  /** Why it could not be opened, or null. */
  readonly refused: string | null;
  readonly statements: readonly StatementOutcome[];
  /** When the gateway closed the socket, or null. */
  readonly endedAt: number | null;
  readonly endMessage: string | null;
}
