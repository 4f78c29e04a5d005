/** Runs a planned session over a real connection through the gateway, from the source address that the plan names. */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Clock } from '../../platform/clock/clock.ts';
import type { ExerciseDeps } from './run-exercise.ts';
import type { PlannedSession } from './plan.ts';
import type { SessionOutcome, StatementOutcome } from './session-outcome.ts';

export interface GatewayAddress {
  readonly host: string;
  readonly port: number;
  /** Certificate authority of the listener; null where it has no TLS. */
  readonly ca: string | null;
  readonly connection: string;
}

interface PgError {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
}

/** SQLSTATE of a denial (insufficient_privilege). */
const DENIED = '42501';

/** A socket bound to a source address before it connects. */
export class BoundSocket extends Socket {
  readonly #localAddress: string;
  constructor(localAddress: string) {
    super();
    this.#localAddress = localAddress;
  }
  override connect(port: unknown, host?: unknown, ...rest: unknown[]): this {
    if (typeof port === 'number' && typeof host === 'string') {
      return super.connect({ port, host, localAddress: this.#localAddress });
    }
    return super.connect(port as never, host as never, ...(rest as never[]));
  }
}

/** Runs the session; `say` hears of each statement as it ends. Never throws for what the gateway or target does. */
export async function runLiveSession(
  clock: Clock,
  gateway: GatewayAddress,
  login: { readonly user: string; readonly token: string },
  plan: PlannedSession,
  options: { readonly pauseMsMax: number },
  say: (outcome: StatementOutcome) => void,
): Promise<SessionOutcome> {
  const client = new pg.Client({
    host: gateway.host,
    port: gateway.port,
    user: login.user,
    password: login.token,
    database: gateway.connection,
    application_name: plan.tool,
    ssl: gateway.ca === null ? false : { ca: gateway.ca, servername: 'localhost' },
    stream: () => new BoundSocket(plan.ip),
  });
  let endedAt: number | null = null;
  let endMessage: string | null = null;
  const ended = (message: string | null): void => {
    endedAt ??= clock.now();
    endMessage ??= message;
  };
  client.on('error', (error: Error) => ended(error.message));
  client.on('end', () => ended(null));
  try {
    await client.connect();
  } catch (error) {
    return { refused: (error as PgError).message, statements: [], endedAt, endMessage };
  }
  const statements: StatementOutcome[] = [];
  const note = (outcome: StatementOutcome): void => {
    statements.push(outcome);
    say(outcome);
  };
  for (const { sql, afterMs } of plan.statements) {
    await clock.sleep(Math.min(afterMs, options.pauseMsMax));
    const startedAt = clock.now();
    if (endedAt !== null) {
      note({
        sql,
        startedAt,
        endedAt: startedAt,
        state: 'never_sent',
        rows: 0,
        message: 'the session was over',
      });
      continue;
    }
    try {
      const { rows } = await client.query({ text: sql, rowMode: 'array' });
      note({ sql, startedAt, endedAt: clock.now(), state: 'ran', rows: rows.length, message: '' });
    } catch (error) {
      const { code, message } = error as PgError;
      const state =
        endedAt !== null || code === undefined || code === '57P01'
          ? 'ended'
          : code === DENIED
            ? 'denied'
            : 'failed';
      if (state === 'ended') ended(message);
      note({ sql, startedAt, endedAt: clock.now(), state, rows: 0, message });
    }
  }
  const closedByGateway = endedAt;
  await client.end().catch(() => undefined);
  return {
    refused: null,
    statements,
    endedAt: closedByGateway,
    endMessage: closedByGateway === null ? null : endMessage,
  };
}

/** `ExerciseDeps.runSession` for PostgreSQL. */
export const createPostgresRunner =
  (clock: Clock, gateway: GatewayAddress): ExerciseDeps['runSession'] =>
  (login, plan, options, say) =>
    runLiveSession(clock, gateway, login, plan, options, say);
