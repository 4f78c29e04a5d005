/** One-time codes by time (RFC 6238): SHA-1, 6 digits, 30 s, as every authenticator app has them. */
import { Secret, TOTP } from 'otpauth';

export const TOTP_SECRET_BYTES = 20;
const PERIOD_S = 30;
/** Clocks of phones differ: a step to either side is taken. */
const WINDOW = 1;
const ISSUER = 'Countersign';

const totpOf = (secret: Uint8Array, label: string): TOTP =>
  new TOTP({
    issuer: ISSUER,
    label,
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
    period: PERIOD_S,
  });

/** For the app: otpauth URI; it carries the secret. */
export const totpUri = (secret: Uint8Array, label: string): string => totpOf(secret, label).toString();

/** The step of time that the code belongs to; undefined where it is wrong. Compared in constant time by the library. */
export function totpStep(secret: Uint8Array, code: string, now: number): number | undefined {
  const delta = totpOf(secret, '').validate({ token: code, timestamp: now, window: WINDOW });
  return delta === null ? undefined : TOTP.counter({ period: PERIOD_S, timestamp: now }) + delta;
}
