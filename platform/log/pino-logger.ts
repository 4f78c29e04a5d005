import { pino } from 'pino';
import type { Logger } from './log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values never reach a log, at the top and two levels down. */
const SECRET_FIELDS = ['password', 'secret', 'token', 'authorization', 'privateKey', 'passphrase', 'apiKey'];

/** A pino logger that writes JSON lines to `destination` (stderr by default), secrets redacted. */
export function createPinoLogger(options: { level: LogLevel; destination?: string }): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[redacted]',
      },
      errorKey: 'error',
    },
    pino.destination({ dest: options.destination ?? 2, sync: true, mkdir: true }),
  );
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
