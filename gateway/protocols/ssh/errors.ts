/** Errors of the SSH protocol. Before login clients see them as a banner and a disconnect, after it on stderr of the channel. */
import { defineErrors, type ErrorDefinitions } from '../../../platform/errors/errors.ts';

export const definitions = {
  SSH_LOGIN_FAILED: {
    message: 'login of "{user}" failed',
    hint: 'Log in as CONNECTION or USER+CONNECTION with a token as password, a registered public key or a certificate of this gateway; tokens expire and can be revoked.',
    status: 401,
  },
  SSH_LOGIN_NAME_INVALID: {
    message: 'the login name "{user}" names no connection',
    hint: 'Use CONNECTION or USER+CONNECTION as login name: ssh alice+prod-web@GATEWAY.',
    status: 400,
  },
  SSH_LOGIN_THROTTLED: {
    message: 'too many failed logins from this network',
    hint: 'Wait for {retryAfterSeconds} seconds, then log in with a valid token, key or certificate.',
    status: 429,
  },
  SSH_LOGIN_TIMEOUT: {
    message: 'the login was not complete within {timeoutMs} ms',
    hint: 'Check the network and the client; the limit is ssh.loginTimeoutMs.',
    status: 408,
  },
  SSH_LOGIN_UNAVAILABLE: {
    message: 'the gateway cannot check logins now',
    hint: 'Try again in a moment; the log of the gateway and /readyz say what it lacks.',
    status: 503,
  },
  SSH_LOGINS_PENDING: {
    message: 'too many logins are pending; the oldest ones are turned away',
    hint: 'Try again; the limit is ssh.pendingLoginsMax.',
    status: 503,
  },
  SSH_SESSIONS_FULL: {
    message: 'the gateway has reached its limit of {sessionsMax} SSH connections',
    hint: 'Close connections that are not needed, or raise ssh.sessionsMax.',
    status: 503,
  },
  SSH_CONNECTION_UNKNOWN: {
    message: 'there is no SSH connection named "{connection}"',
    hint: 'Name the connection in the login name: CONNECTION or USER+CONNECTION; `countersign connection ls` lists them.',
    status: 404,
  },
  SSH_USER_REFUSED: {
    message: '"{user}" is neither this login\'s identity nor an account that connection "{connection}" lists',
    hint: "Leave USER+ away, use the identity's name, or have the account added to the connection's option users.",
    status: 403,
  },
  SSH_REASON_MISSING: {
    message: 'connection "{connection}" asks why it is used, and no reason was given',
    hint: 'Log in again and answer the question `Reason:`.',
    status: 400,
  },
  SSH_CERTIFICATE_REFUSED: {
    message: 'the certificate is refused: {reason}',
    hint: 'Have a new one made: `countersign ssh certificate`.',
    status: 401,
  },
  SSH_CERTIFICATE_WISH: {
    message: 'no certificate can be made of this: {reason}',
    hint: 'Give the content of a .pub file (ssh-keygen -t ed25519), and networks in CIDR form.',
    status: 400,
  },
  SSH_PROTOCOL_VIOLATION: {
    message: 'the peer broke the SSH protocol: {reason}',
    hint: 'Check that the peer speaks SSH 2; report the message with the client and its version if it does.',
    status: 400,
  },
  SSH_HOST_KEY_UNPINNED: {
    message: 'connection "{connection}" has no host key and no authority to know its target by',
    hint: "Add the target's public host key to the option hostKeys (ssh-keyscan HOST, compared with /etc/ssh on the target), or its authority to hostAuthorities.",
    status: 400,
  },
  SSH_OPTION_INVALID: {
    message: 'option {option} of connection "{connection}" is wrong: {reason}',
    hint: 'Correct it; docs/ssh.md shows the options.',
    status: 400,
  },
  SSH_HOST_KEY_CHANGED: {
    message: 'the target of connection "{connection}" shows a host key that is not trusted: {reason}',
    hint: 'If the host was rebuilt, compare {fingerprint} with the key on the host itself and change the option hostKeys; if not, somebody stands in between.',
    status: 502,
  },
  SSH_CREDENTIAL_UNAVAILABLE: {
    message: 'the credential of connection "{connection}" could not be used: {reason}',
    hint: 'Check the vault path of the connection: {"username","password"}, {"username","privateKey"} or {"username","certificate":"gateway-ca"}.',
    status: 503,
  },
  SSH_TARGET_UNREACHABLE: {
    message: 'the target of connection "{connection}" cannot be reached: {reason}',
    hint: 'Check that sshd runs there and that host, port and the firewall are right.',
    status: 502,
  },
  SSH_TARGET_LOGIN_FAILED: {
    message: 'the target of connection "{connection}" refused the login of "{account}"',
    hint: 'Check the credential in the vault, authorized_keys or TrustedUserCAKeys on the target, that its clock is right, and its log.',
    status: 502,
  },
  SSH_TARGET_LOST: {
    message: 'the target of connection "{connection}" closed the connection',
    hint: 'Check whether the target was restarted; connect again.',
    status: 502,
  },
  SSH_TARGET_CHANNEL_REFUSED: {
    message: 'the target opened no further channel: {reason}',
    hint: "Close channels of this connection, raise MaxSessions in the target's sshd_config, or connect once more.",
    status: 502,
  },
  SSH_MASK_UNSUPPORTED: {
    message: 'policy asks for masking, which SSH connections cannot do',
    hint: 'Change the policy rule to deny or allow.',
    status: 403,
  },
  SSH_GATEWAY_SHUTDOWN: {
    message: 'the gateway is shutting down',
    hint: 'Connect again in a moment.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

export const sshError = defineErrors(definitions);
