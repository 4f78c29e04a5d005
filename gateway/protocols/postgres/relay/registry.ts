/**
 * Which statement a name stands for. The gateway is ahead of the target: a name is taken over when its Parse is sent, and given
 * back when the target fails or skips it. Behind a Sync, a name is trusted only when the target has confirmed it: else a Parse
 * that fails would leave the old statement in the target under the new one's analysis.
 */
import type { StatementAnalysis } from '../analysis/analyser.ts';
import type { RunningRequest } from './requests.ts';

export interface PreparedStatement {
  readonly sql: string;
  /** Object ids of parameters' types, as far as they matter. */
  readonly types: readonly number[];
  analysis: StatementAnalysis;
  /** Version of the settings that it was analysed under. */
  settingsVersion: number;
  /** State of what names mean that it was analysed under. */
  names: unknown;
  confirmed: boolean;
  /** It may read COPY data from the client. */
  readonly mayReadCopy: boolean;
  /** Number of Syncs sent before it. */
  readonly segment: number;
  /** An SQL-level PREPARE came after it: the name may stand for something else. */
  tainted: boolean;
}

export interface Portal {
  readonly analysis: StatementAnalysis;
  readonly mayReadCopy: boolean;
  /** The request made at Bind, until its first Execute. */
  request: RunningRequest | null;
  readonly parameterCount: number;
  readonly parametersDigest: Buffer | null;
}

/** A client could fill memory with names; PostgreSQL itself has no bound. */
export const NAMES_MAX = 100_000;

export class Names<T> {
  readonly #entries = new Map<string, T>();

  get size(): number {
    return this.#entries.size;
  }

  get(name: string): T | undefined {
    return this.#entries.get(name);
  }

  values(): Iterable<T> {
    return this.#entries.values();
  }

  /** Sets or removes; returns what puts the old state back, unless somebody else has changed it since. */
  replace(name: string, entry: T | undefined): () => void {
    const previous = this.#entries.get(name);
    this.#put(name, entry);
    return () => {
      if (this.#entries.get(name) === entry) this.#put(name, previous);
    };
  }

  #put(name: string, entry: T | undefined): void {
    if (entry === undefined) this.#entries.delete(name);
    else this.#entries.set(name, entry);
  }
}
