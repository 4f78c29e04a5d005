import type { Answer, RawSession } from './raw-session.ts';

export interface ScriptContext {
  readonly session: RawSession;
  /** One more session at the same endpoint, closed with the script. */
  open(): Promise<RawSession>;
}

/** One conversation; what it returns must be the same direct and through the gateway. */
export interface Script {
  readonly name: string;
  /** SQL that the superuser runs before each time. */
  readonly before?: string;
  run(context: ScriptContext): Promise<Answer[]>;
}
