/** What somebody does, before it is done: sessions with their statements. A plan becomes events (history, offline) or real connections. */
export interface PlannedStatement {
  readonly sql: string;
  /** After the statement before, milliseconds. */
  readonly afterMs: number;
  /** What the target is expected to answer; for plans that become events. */
  readonly rows: number;
  readonly bytes: number;
  readonly failsWith?: string;
}

export interface PlannedSession {
  /** Start, milliseconds since the epoch. */
  readonly at: number;
  readonly ip: string;
  readonly tool: string;
  readonly tokenId: string;
  readonly tokenIssuedAt: number;
  readonly tokenExpiresAt: number;
  readonly statements: readonly PlannedStatement[];
  /** Overrides of the actor's own metadata: groups, credential source. */
  readonly groups?: readonly string[];
  readonly credentialSource?: string;
}

/** Who acts, and what that actor's work looks like. */
export interface Actor {
  readonly subject: string;
  readonly kind: 'service_account' | 'workload' | 'human' | 'ai_agent';
  readonly displayName: string;
  readonly groups: readonly string[];
  readonly credentialSource: string;
  readonly timeZone: string;
  /** Networks it works from: the first three parts of an IPv4 address. */
  readonly networks: readonly string[];
  readonly tool: string;
  readonly tokenLifetimeMs: number;
  readonly work: Work;
}

/** When and how much an actor works. */
export interface Work {
  /** Local hours at which sessions start, with weights. */
  readonly hours: readonly { readonly hour: number; readonly weight: number }[];
  readonly weekdaysOnly: boolean;
  readonly sessionsPerDay: number;
  readonly statements: readonly StatementTemplate[];
  readonly statementsPerSession: number;
  /** Pace inside a session, milliseconds between statements. */
  readonly paceMs: number;
}

export interface StatementTemplate {
  readonly weight: number;
  /** SQL for a draw; literals vary, the shape does not. */
  readonly sql: (draw: Draw) => string;
  readonly rows: number;
  readonly bytesPerRow: number;
}

/** Seeded chance in the words that plans need. */
export interface Draw {
  /** Whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T;
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T;
  /** Poisson-distributed count (Knuth's method); `mean` up to 500. */
  count(mean: number): number;
  chance(probability: number): boolean;
  /** Log-normal factor around 1. */
  factor(sigma: number): number;
}
