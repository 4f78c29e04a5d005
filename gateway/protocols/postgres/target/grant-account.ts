/** The account of a grant at the target: a login role that ends by itself (VALID UNTIL) and is in the roles that the grant names. */
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import { makeVerifier } from '../../../access/scram-verifier.ts';
import type { GrantAccount } from '../../../approvals/grant-accounts.ts';
import type { CatalogueLink } from '../catalogue/link.ts';
import { postgresError } from '../errors.ts';

/** For a link that makes and drops accounts. */
export const ACCOUNT_PREPARE = [`set search_path = ''`, `set lock_timeout = '5s'`];
/** Sessions of one grant at a time. */
const SESSIONS_MAX = 50;
const ITERATIONS = 4096;

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** As PostgreSQL keeps it, so that the password stands in no statement and in no log of the target. */
function verifierOf(password: string, salt: Buffer): string {
  const { storedKey, serverKey, iterations } = makeVerifier(password, salt, ITERATIONS);
  const keys = `${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${keys}`;
}

/** Makes it where it is not there; undefined: it is there now. */
export async function makeGrantAccount(
  link: CatalogueLink,
  connection: string,
  account: GrantAccount,
  salt: Buffer,
): Promise<CountersignError | undefined> {
  const { name, password, roles, validUntil } = account;
  const failed = (reason: string): CountersignError =>
    postgresError('POSTGRES_GRANT_ACCOUNT', { connection, reason });
  const exists = `select 1 from pg_catalog.pg_roles where rolname = ${literal(name)}`;
  const there = await link.run([exists]);
  if (!there.ok) return failed(there.reason);
  if (there.results[0]!.length > 0) return undefined;
  const inRoles = roles.length === 0 ? '' : ` in role ${roles.map(identifier).join(', ')}`;
  const until = literal(new Date(validUntil).toISOString());
  const made = await link.run([
    `create role ${identifier(name)} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit ` +
      `connection limit ${SESSIONS_MAX} password ${literal(verifierOf(password, salt))} valid until ${until}${inRoles}`,
    // To end its sessions and to take over what it leaves, its maker must have its rights.
    `grant ${identifier(name)} to current_user`,
  ]);
  if (made.ok) return undefined;
  // Another gateway may have been faster.
  const again = await link.run([exists]);
  return again.ok && again.results[0]!.length > 0 ? undefined : failed(made.reason);
}

/** Ends its sessions, gives what it owns in this database to the first of its roles, and drops it. Undefined: it is gone. */
export async function dropGrantAccount(
  link: CatalogueLink,
  connection: string,
  { name, roles }: Pick<GrantAccount, 'name' | 'roles'>,
): Promise<CountersignError | undefined> {
  const failed = (reason: string): CountersignError =>
    postgresError('POSTGRES_GRANT_ACCOUNT', { connection, reason });
  const there = await link.run([
    `select 1 from pg_catalog.pg_roles where rolname = ${literal(name)}`,
    `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where usename = ${literal(name)}`,
  ]);
  if (!there.ok) return failed(there.reason);
  if (there.results[0]!.length === 0) return undefined;
  const heir = roles[0] === undefined ? 'current_user' : identifier(roles[0]);
  const dropped = await link.run([
    `reassign owned by ${identifier(name)} to ${heir}`,
    `drop owned by ${identifier(name)}`,
    `drop role ${identifier(name)}`,
  ]);
  return dropped.ok ? undefined : failed(dropped.reason);
}
