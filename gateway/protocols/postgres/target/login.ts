/** Logs in to a target with the gateway's credential: SCRAM (-PLUS), MD5, cleartext over TLS (PostgreSQL: 54.2.1, 54.3). */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock, Random } from '../../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import type { PasswordCredential, TlsCredential } from '../../protocol.ts';
import { postgresError } from '../errors.ts';
import { ownCopy } from '../../../credentials/own-copy.ts';
import { SCRAM, SCRAM_PLUS } from '../login/scram-server.ts';
import { decodeError, decodeParameterStatus } from '../wire/decode.ts';
import { BACKEND, PROTOCOL_3_0, PROTOCOL_3_2 } from '../wire/message-types.ts';
import { MessageStream, type Message } from '../wire/message-stream.ts';
import { message, password, query, saslInitialResponse, saslResponse, startup } from '../wire/messages.ts';
import { decodeRow } from '../wire/row.ts';
import { dial, type DialTarget } from './dial.ts';
import { createScramClient, type SaltedPasswords, type ScramClient } from './scram-client.ts';

/** A logged-in backend; its socket is paused and ready for queries. */
export interface TargetLink {
  readonly socket: Socket;
  /** Which server of the connection it is. */
  readonly host: string;
  readonly port: number;
  /** The server follows another one. */
  readonly standby: boolean;
  /** Transactions may not write, unless they say so. */
  readonly readOnly: boolean;
  readonly tls: boolean;
  readonly parameters: ReadonlyMap<string, string>;
  /** Of the backend itself. */
  readonly pid: number;
  /** What a cancel request names; a pooler between has numbers of its own. */
  readonly cancelPid: number;
  readonly cancelKey: Buffer;
  /** Seconds since the epoch with microseconds, as the target prints them. */
  readonly backendStart: string;
  readonly searchPath: string;
  readonly role: string;
}

export type TargetLogin =
  | { readonly ok: true; readonly link: TargetLink }
  | { readonly ok: false; readonly error: CountersignError; readonly sqlState?: string | undefined };

export type PostgresCredential = PasswordCredential | TlsCredential;

export interface LoginDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly salted: SaltedPasswords;
}

const LOGIN_MESSAGE_BYTES_MAX = 64 * 1024;
/** Names the gateway's own statements in the target's log. */
export const OWN = '/* countersign */';
const WHO_AM_I =
  `${OWN} select a.pid, extract(epoch from a.backend_start), pg_catalog.current_setting('search_path'), ` +
  `pg_catalog.current_setting('role'), pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a`;

class LoginFailure extends Error {
  readonly sqlState: string | undefined;

  constructor(reason: string, sqlState?: string) {
    super(reason);
    this.sqlState = sqlState;
  }
}

/** What those say that know no other version than 3.0 and do not negotiate (poolers, servers before 9.3.20 and the like). */
const NOT_UNDERSTOOD: ReadonlySet<string | undefined> = new Set(['08P01', '0A000']);

/** Connects and logs in; `parameters` are startup parameters besides user and database. */
export async function loginToTarget(
  deps: LoginDeps,
  target: DialTarget,
  credential: PostgresCredential,
  database: string,
  parameters: ReadonlyMap<string, string>,
): Promise<TargetLogin> {
  const settings = { credential, database, parameters };
  const reached = await tryLogin(deps, target, { ...settings, version: PROTOCOL_3_2 });
  if (reached.ok || !NOT_UNDERSTOOD.has(reached.sqlState)) return reached;
  return tryLogin(deps, target, { ...settings, version: PROTOCOL_3_0 });
}

async function tryLogin(
  deps: LoginDeps,
  target: DialTarget,
  {
    credential,
    database,
    parameters,
    version,
  }: {
    readonly credential: PostgresCredential;
    readonly database: string;
    readonly parameters: ReadonlyMap<string, string>;
    readonly version: number;
  },
): Promise<TargetLogin> {
  const identity =
    'clientCertificate' in credential
      ? { certificatePem: credential.clientCertificate, privateKeyPem: credential.clientKey }
      : undefined;
  const dialled = await dial(deps.clock, { ...target, identity });
  if (!dialled.ok) return dialled;
  const { socket } = dialled;
  const stream = new MessageStream(socket, LOGIN_MESSAGE_BYTES_MAX);
  const timer = deps.clock.after(
    target.options.connectTimeoutMs,
    () => stream.abort(`no answer within ${target.options.connectTimeoutMs} ms`),
    { background: true },
  );
  try {
    const all = new Map([['user', credential.username], ['database', database], ...parameters]);
    socket.write(startup(version, all));
    await authenticate(deps, stream, socket, dialled.channelBinding, dialled.tls, credential);
    const ready = await readReady(stream);
    socket.write(query(WHO_AM_I));
    const who = await readWhoAmI(stream);
    const early = stream.release();
    if (early.length > 0) socket.unshift(early);
    const { host, port } = target;
    return { ok: true, link: { socket, host, port, tls: dialled.tls, ...ready, ...who } };
  } catch (error) {
    socket.on('error', ignore);
    socket.destroy();
    if (!(error instanceof LoginFailure)) throw error;
    return {
      ok: false,
      error: postgresError('POSTGRES_TARGET_LOGIN_FAILED', {
        connection: target.connection,
        reason: error.message,
      }),
      sqlState: error.sqlState,
    };
  } finally {
    timer.cancel();
  }
}

/** Errors of a socket that is given up. */
export function ignore(): void {
  // Nothing hangs on it any more.
}

/** The next message that is not a notice; errors of the target end the login. */
async function take(stream: MessageStream): Promise<Message> {
  for (;;) {
    const next = await stream.next();
    if ('ended' in next) throw new LoginFailure(next.reason);
    if (next.type === BACKEND.noticeResponse || next.type === BACKEND.negotiateProtocolVersion) continue;
    if (next.type === BACKEND.errorResponse) {
      const framed = message(next.type, next.body);
      const error = decodeError(framed, 0, framed.length);
      throw new LoginFailure(`${error.message} (SQLSTATE ${error.sqlState})`, error.sqlState);
    }
    return next;
  }
}

async function authenticate(
  deps: LoginDeps,
  stream: MessageStream,
  socket: Socket,
  channelBinding: Buffer | null,
  tls: boolean,
  credential: PostgresCredential,
): Promise<void> {
  const secret = (): PasswordCredential => {
    const { username, password: known } = credential;
    if (known === undefined)
      throw new LoginFailure('the target asks for a password, and the credential is a certificate alone');
    return { username, password: known };
  };
  let scram: ScramClient | undefined;
  let serverProved = false;
  for (;;) {
    const { type, body } = await take(stream);
    if (type !== BACKEND.authentication || body.length < 4)
      throw new LoginFailure('the target speaks another protocol');
    const rest = body.subarray(4);
    switch (body.readInt32BE(0)) {
      case 0:
        if (scram !== undefined && !serverProved)
          throw new LoginFailure('the target did not prove that it knows the password');
        return;
      case 3:
        if (!tls) throw new LoginFailure('the target asks for the password in the clear without TLS');
        socket.write(password(secret().password));
        break;
      case 5:
        socket.write(password(md5Password(secret(), rest.subarray(0, 4))));
        break;
      case 10: {
        const offered = rest.toString('latin1').split('\0');
        const plus = channelBinding !== null && offered.includes(SCRAM_PLUS);
        if (!plus && !offered.includes(SCRAM))
          throw new LoginFailure(`the target offers only ${offered.filter(Boolean).join(', ')}`);
        scram = createScramClient({
          mechanism: plus ? SCRAM_PLUS : SCRAM,
          password: secret().password,
          nonce: deps.random.bytes(18).toString('base64'),
          channelBinding,
          salted: deps.salted,
        });
        socket.write(saslInitialResponse(scram.mechanism, scram.first));
        break;
      }
      case 11: {
        const answer = await scram?.answer(rest.toString('latin1'));
        if (answer === undefined) throw new LoginFailure('the target sent a malformed SCRAM challenge');
        socket.write(saslResponse(answer));
        break;
      }
      case 12:
        serverProved = scram?.verify(rest.toString('latin1')) === true;
        break;
      default:
        throw new LoginFailure(`the target asks for authentication method ${body.readInt32BE(0)}`);
    }
  }
}

const md5 = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

function md5Password(credential: PasswordCredential, salt: Buffer): string {
  return `md5${md5(md5(credential.password, credential.username), salt)}`;
}

async function readReady(stream: MessageStream): Promise<{
  parameters: Map<string, string>;
  cancelPid: number;
  cancelKey: Buffer;
}> {
  const parameters = new Map<string, string>();
  let cancelPid = 0;
  let cancelKey: Buffer = Buffer.alloc(0);
  for (;;) {
    const { type, body } = await take(stream);
    if (type === BACKEND.readyForQuery) return { parameters, cancelPid, cancelKey };
    const framed = message(type, body);
    if (type === BACKEND.parameterStatus) {
      const status = decodeParameterStatus(framed, 0, framed.length);
      if (status !== undefined && parameters.size < 256) parameters.set(status.name, status.value);
    } else if (type === BACKEND.backendKeyData && body.length >= 8 && body.length <= 4 + 256) {
      cancelPid = body.readInt32BE(0);
      cancelKey = ownCopy(body.subarray(4));
    }
  }
}

async function readWhoAmI(
  stream: MessageStream,
): Promise<Pick<TargetLink, 'backendStart' | 'searchPath' | 'role' | 'pid' | 'standby' | 'readOnly'>> {
  let fields: string[] = [];
  for (;;) {
    const { type, body } = await take(stream);
    if (type === BACKEND.dataRow) fields = decodeRow(body);
    if (type !== BACKEND.readyForQuery) continue;
    const [pid, backendStart, searchPath, role, recovery, readOnly] = fields;
    if (pid === undefined || backendStart === undefined || searchPath === undefined || role === undefined)
      throw new LoginFailure('the target did not say which backend serves the session');
    const standby = recovery === 't';
    return { pid: Number(pid), backendStart, searchPath, role, standby, readOnly: readOnly === 'on' };
  }
}
