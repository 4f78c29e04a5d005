/**
 * Syslog messages (RFC 5424, 6) and their frames over TLS (RFC 5425, 4.3):
 *
 *   MSG-LEN SP <PRI>1 SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA SP MSG
 */
export interface SyslogHeader {
  /** 0 to 23. */
  readonly facility: number;
  /** 0 (emergency) to 7 (debug). */
  readonly severity: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly hostname: string;
  readonly appName: string;
  readonly messageId: string;
}

export interface StructuredData {
  readonly id: string;
  readonly params: readonly (readonly [name: string, value: string])[];
}

const NIL = '-';

/** Printable US-ASCII without spaces, at most so many; `-` for nothing. */
const token = (text: string, charsMax: number): string =>
  text.replace(/[^!-~]/g, '').slice(0, charsMax) || NIL;

/** RFC 3339 with milliseconds in UTC; `-` where the year does not have four digits. */
function timestamp(time: number): string {
  if (!Number.isFinite(time) || Math.abs(time) > 8.64e15) return NIL;
  const text = new Date(time).toISOString();
  return /^\d{4}-/.test(text) ? text : NIL;
}

/** PARAM-VALUE: `"`, `\` and `]` are escaped; control characters, which collectors mangle each in their way, become spaces. */
const paramValue = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\p{Cc}/gu, ' ')
    .replace(/["\\\]]/g, '\\$&');

/** SD-NAME: no `=`, space, `]` or `"`. */
const paramName = (text: string): string => text.replace(/[^!-~]|[="\]]/g, '_').slice(0, 32);

export function formatStructuredData({ id, params }: StructuredData): string {
  const written = params.filter(([, value]) => value !== '');
  if (written.length === 0) return NIL;
  return `[${id}${written.map(([name, value]) => ` ${paramName(name)}="${paramValue(value)}"`).join('')}]`;
}

/** The message up to and including the space before MSG. */
export function formatHead(header: SyslogHeader, structuredData: string): string {
  const priority = header.facility * 8 + header.severity;
  return `<${priority}>1 ${timestamp(header.time)} ${token(header.hostname, 255)} ${token(header.appName, 48)} ${NIL} ${token(header.messageId, 32)} ${structuredData} `;
}

export function frame(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

/** Syslog severity of an ECS `event.severity` (0 to 100). */
export function syslogSeverity(severity: number): number {
  if (severity >= 100) return 2;
  if (severity >= 75) return 3;
  if (severity >= 50) return 4;
  return severity >= 25 ? 5 : 6;
}
