/** Errors of the PostgreSQL protocol. Clients see them as ErrorResponse with a SQLSTATE (PostgreSQL: appendix A). */
import {
  defineErrors,
  type CountersignError,
  type ErrorDefinitions,
} from '../../../platform/errors/errors.ts';

export const definitions = {
  POSTGRES_GRANT_ACCOUNT: {
    message: 'The account of a grant on {connection} could not be made or dropped: {reason}.',
    hint: 'Check option grantCredential of the connection: its role needs CREATEROLE, and the roles of the grant template WITH ADMIN OPTION (docs/approvals.md).',
    status: 503,
  },
  POSTGRES_TLS_REQUIRED: {
    message: 'this gateway takes connections from other machines over TLS only',
    hint: 'Connect with sslmode=require or stricter.',
    status: 400,
  },
  POSTGRES_PROTOCOL_VIOLATION: {
    message: 'the peer broke the PostgreSQL protocol: {reason}',
    hint: 'Check that the peer speaks PostgreSQL protocol 3; report the message with the client and its version if it does.',
    status: 400,
  },
  POSTGRES_MESSAGE_TOO_LARGE: {
    message: 'a message of {bytes} bytes is over the limit of {bytesMax} bytes',
    hint: 'Send the data in smaller pieces (COPY streams without limit), or raise queryBytesMax or messageBytesMax of the connection.',
    status: 413,
  },
  POSTGRES_LOGIN_FAILED: {
    message: 'login of "{user}" failed',
    hint: 'Use the identity (or identity#tokenId) as user name and the whole token as password; tokens expire and can be revoked.',
    status: 401,
  },
  POSTGRES_LOGIN_THROTTLED: {
    message: 'too many failed logins from this network',
    hint: 'Wait for {retryAfterSeconds} seconds, then log in with a valid token.',
    status: 429,
  },
  POSTGRES_LOGIN_TIMEOUT: {
    message: 'the login was not complete within {timeoutMs} ms',
    hint: 'Check the network and the client; the limit is loginTimeoutMs of the listener.',
    status: 408,
  },
  POSTGRES_LOGIN_UNAVAILABLE: {
    message: 'the gateway cannot check logins now',
    hint: 'Try again in a moment; the log of the gateway and /readyz say what it lacks.',
    status: 503,
  },
  POSTGRES_LOGINS_PENDING: {
    message: 'too many logins are pending; the oldest ones are turned away',
    hint: 'Try again; the limit is pendingLoginsMax of the listener.',
    status: 503,
  },
  POSTGRES_SESSIONS_FULL: {
    message: 'the gateway has reached its limit of {sessionsMax} sessions',
    hint: 'Close sessions that are not needed, or raise sessionsMax of the listener.',
    status: 503,
  },
  POSTGRES_CONNECTION_UNKNOWN: {
    message: 'there is no PostgreSQL connection named "{connection}"',
    hint: 'Name the connection as database: CONNECTION, or CONNECTION/DATABASE where the connection allows it (anyDatabase); `countersign connection ls` lists them.',
    status: 404,
  },
  POSTGRES_REPLICATION_REFUSED: {
    message: 'replication connections are not allowed through this gateway',
    hint: 'Connect without the replication parameter.',
    status: 403,
  },
  POSTGRES_STARTUP_REFUSED: {
    message: 'startup parameter "{parameter}" is refused: {reason}',
    hint: 'Remove the parameter, or use one of the values that are allowed.',
    status: 400,
  },
  POSTGRES_CREDENTIAL_UNAVAILABLE: {
    message: 'the credential of connection "{connection}" could not be read',
    hint: 'Check the vault path of the connection with `countersign connection show`.',
    status: 503,
  },
  POSTGRES_TARGET_UNREACHABLE: {
    message: 'the target of connection "{connection}" cannot be reached: {reason}',
    hint: 'Check that the target runs and that host, port and the firewall are right.',
    status: 502,
  },
  POSTGRES_TARGET_UNSUITABLE: {
    message: 'no server of connection "{connection}" that answers is {wanted}',
    hint: 'Wait for the failover to end, or check hosts and targetSessionAttrs of the connection.',
    status: 503,
  },
  POSTGRES_TARGET_TLS_FAILED: {
    message: 'TLS to the target of connection "{connection}" failed: {reason}',
    hint: "Check sslMode and caFile of the connection, and the target's certificate and its names.",
    status: 502,
  },
  POSTGRES_TLS_DISABLED: {
    message: 'connection "{connection}" to {host} may not go without TLS: it leaves this machine',
    hint: 'Use verify-full (with the authority of the target where it is not a public one); disable is for loopback only.',
    status: 400,
  },
  POSTGRES_TARGET_LOGIN_FAILED: {
    message: 'the target of connection "{connection}" refused the login: {reason}',
    hint: "Check the credential in the vault, the database's name and the target's pg_hba.conf.",
    status: 502,
  },
  POSTGRES_CATALOGUE_AWAY: {
    message:
      'the catalogue of connection "{connection}" cannot be read: what the names in a command mean is not known',
    hint: "Check that the role of catalogueCredential (or the connection's own) can log in, and the metric countersign_postgres_catalogue_away; catalogueAway says what becomes of commands meanwhile.",
    status: 503,
  },
  POSTGRES_TARGET_LOST: {
    message: 'the target of connection "{connection}" closed the connection',
    hint: 'Check whether the target was restarted or the backend ended; connect again.',
    status: 502,
  },
  POSTGRES_MASK_UNSUPPORTED: {
    message: 'policy asks for masking, which this connection cannot do',
    hint: 'Change the policy rule to deny or allow, or remove the masked columns from the statement.',
    status: 403,
  },
  POSTGRES_CUT_OFF_STUCK: {
    message: 'an answer was cut off ({limit}), and the target did not take the request to cancel it',
    hint: 'Connect again; where it comes back, check that cancel requests reach the target (a pooler in front of it must pass them on).',
    status: 504,
  },
  POSTGRES_GATEWAY_SHUTDOWN: {
    message: 'the gateway is shutting down',
    hint: 'Connect again in a moment.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

export const postgresError = defineErrors(definitions);

const SQLSTATES: Readonly<Record<string, string>> = {
  POSTGRES_TLS_REQUIRED: '28000',
  POSTGRES_PROTOCOL_VIOLATION: '08P01',
  POSTGRES_MESSAGE_TOO_LARGE: '54000',
  POSTGRES_LOGIN_FAILED: '28P01',
  POSTGRES_LOGIN_THROTTLED: '28000',
  POSTGRES_LOGIN_TIMEOUT: '08006',
  POSTGRES_LOGIN_UNAVAILABLE: '57P03',
  POSTGRES_LOGINS_PENDING: '53300',
  POSTGRES_SESSIONS_FULL: '53300',
  POSTGRES_CONNECTION_UNKNOWN: '3D000',
  POSTGRES_REPLICATION_REFUSED: '42501',
  POSTGRES_STARTUP_REFUSED: '22023',
  POSTGRES_CREDENTIAL_UNAVAILABLE: '08006',
  POSTGRES_TARGET_UNREACHABLE: '08001',
  POSTGRES_TARGET_TLS_FAILED: '08001',
  POSTGRES_TARGET_UNSUITABLE: '08001',
  POSTGRES_TARGET_LOGIN_FAILED: '08004',
  POSTGRES_TARGET_LOST: '08006',
  POSTGRES_CUT_OFF_STUCK: '57P05',
  POSTGRES_GATEWAY_SHUTDOWN: '57P01',
};

/** What the gateway itself lacks now, whoever asks: the client may try again later. */
const FAULTS: Readonly<Record<string, string>> = {
  POSTGRES_CATALOGUE_AWAY: '57P03',
  SPOOL_FULL: '53100',
  SPOOL_FAILED: '58030',
  LEASE_LOST: '57P03',
  SESSION_LIMIT: '53300',
  SESSION_IDENTITY_LIMIT: '53300',
  SESSION_GATEWAY_STOPS: '57P03',
  POLICY_BUNDLE_MISSING: '57P03',
  POLICY_BUNDLE_INVALID: '57P03',
  POLICY_BUNDLE_UNTRUSTED: '57P03',
  POLICY_TIMEOUT: '57P03',
  POLICY_FAILED: '57P03',
  POLICY_OVERLOADED: '57P03',
  POLICY_UNAVAILABLE: '57P03',
  POLICY_UNDEFINED: '57P03',
  POLICY_ANSWER_INVALID: '57P03',
};

/** SQLSTATE of a refusal by what the gateway lacks; undefined where it is no such code. */
export const sqlStateOfFault = (code: string): string | undefined => FAULTS[code];

/** SQLSTATE of an error of the catalogue; errors of other rooms are refusals of the login unless said otherwise. */
export function sqlStateOf(error: CountersignError, otherwise = '28000'): string {
  return SQLSTATES[error.code] ?? (otherwise === '28000' ? FAULTS[error.code] : undefined) ?? otherwise;
}
