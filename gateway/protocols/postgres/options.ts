/** What a connection to PostgreSQL can be told, beyond host, port and credential. */
import Type from 'typebox';
import type { ListenerConfig, TlsIdentity } from '../protocol.ts';
import { isLoopback } from '../../../platform/network/address.ts';

/** Null: connections of this machine only, in the clear. */
export type PostgresListenerConfig = ListenerConfig & {
  readonly tls: TlsIdentity | null;
  /** Issuer named to clients of OAUTHBEARER that have no token yet. */
  readonly oauthIssuer?: string | undefined;
};

export const PostgresOptions = Type.Object(
  {
    database: Type.Optional(
      Type.String({
        description: 'Database where the client names only the connection. Default: postgres.',
        default: 'postgres',
      }),
    ),
    anyDatabase: Type.Optional(
      Type.Boolean({
        description:
          'Whether clients may name another database of the same server as CONNECTION/DATABASE. Default: false.',
        default: false,
      }),
    ),
    hosts: Type.Optional(
      Type.Array(
        Type.Object(
          {
            host: Type.String({ minLength: 1, maxLength: 253, description: 'Name or address.' }),
            port: Type.Optional(
              Type.Integer({
                minimum: 1,
                maximum: 65_535,
                description: 'Port. Default: that of the connection.',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        {
          maxItems: 15,
          description:
            "Further servers of the same cluster, tried in their order after the connection's own host where that is away or not what targetSessionAttrs asks for. Default: none.",
        },
      ),
    ),
    targetSessionAttrs: Type.Optional(
      Type.Union(
        [
          Type.Literal('any'),
          Type.Literal('read-write'),
          Type.Literal('read-only'),
          Type.Literal('primary'),
          Type.Literal('standby'),
          Type.Literal('prefer-standby'),
        ],
        {
          description:
            'Which server of several a session may use, as libpq has it: any, read-write, read-only, primary, standby, prefer-standby. Default: any.',
        },
      ),
    ),
    sslMode: Type.Optional(
      Type.Union([Type.Literal('disable'), Type.Literal('require'), Type.Literal('verify-full')], {
        description:
          'TLS to the target: verify-full checks certificate and name, require encrypts only, disable is permitted for loopback only. Default: verify-full, on loopback disable.',
      }),
    ),
    caFile: Type.Optional(
      Type.String({ description: "PEM file of the authorities for verify-full. Default: the system's." }),
    ),
    caPem: Type.Optional(Type.String({ description: 'The same, as PEM text.' })),
    applicationNamePassed: Type.Optional(
      Type.Boolean({
        description: "Whether the target sees the client's application_name. Default: true.",
        default: true,
      }),
    ),
    statementTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'statement_timeout at the start of each session, milliseconds; 0: as the target has it. Default: 0.',
        default: 0,
      }),
    ),
    connectTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Longest time for reaching and logging in to the target, milliseconds. Default: 10000.',
        default: 10_000,
      }),
    ),
    clientCheckIntervalMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'client_connection_check_interval set in the target, milliseconds, so that a statement ends soon after the gateway is lost; 0 leaves it alone (pgbouncer behind the gateway). Default: 500.',
        default: 500,
      }),
    ),
    catalogue: Type.Optional(
      Type.Union([Type.Literal('on'), Type.Literal('off')], {
        description:
          'Whether names in commands are resolved in the catalogue of the target, and what stands behind views, functions and triggers is looked at. Default: on.',
        default: 'on',
      }),
    ),
    grantCredential: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Vault path of a credential that may make roles (CREATEROLE, and the roles of grant templates WITH ADMIN OPTION): with it grants with targetRoles get an account of their own at the target. Default: none, and such grants open no session.',
      }),
    ),
    catalogueCredential: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description:
          "Vault path of the credential that the catalogue is read with; any role that may log in is enough. Default: the connection's own.",
      }),
    ),
    catalogueAgeMsMax: Type.Optional(
      Type.Integer({
        minimum: 50,
        maximum: 600_000,
        description:
          'Greatest age of what is known of the catalogue when a command is decided by it, milliseconds. Default: 2000.',
        default: 2000,
      }),
    ),
    catalogueTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 50,
        maximum: 600_000,
        description:
          'Longest time that one look into the catalogue may take, its login included, milliseconds. Default: 5000.',
        default: 5000,
      }),
    ),
    catalogueAway: Type.Optional(
      Type.Union([Type.Literal('deny'), Type.Literal('deny_machines'), Type.Literal('allow')], {
        description:
          'What becomes of commands that name something while the catalogue cannot be read: denied for all, denied for all but people, or decided by their text alone as opaque code. Default: deny_machines.',
        default: 'deny_machines',
      }),
    ),
    queryBytesMax: Type.Optional(
      Type.Integer({
        minimum: 1024,
        description: 'Longest statement text, bytes. Default: 16 MiB.',
        default: 16 * 1024 * 1024,
      }),
    ),
    messageBytesMax: Type.Optional(
      Type.Integer({
        minimum: 1024,
        description:
          'Longest message other than COPY data and rows (bound parameters), bytes. Default: 64 MiB.',
        default: 64 * 1024 * 1024,
      }),
    ),
  },
  { additionalProperties: false, description: 'Options of a PostgreSQL connection.' },
);
export type PostgresOptions = Type.Static<typeof PostgresOptions>;

/** As libpq's target_session_attrs (PostgreSQL: 32.1.2 "Parameter Key Words"). */
export type TargetSessionAttrs =
  | 'any'
  | 'read-write'
  | 'read-only'
  | 'primary'
  | 'standby'
  | 'prefer-standby';

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export type SslMode = 'disable' | 'require' | 'verify-full';

/** Options with their defaults, as the code reads them. */
export interface ResolvedOptions {
  readonly database: string;
  readonly anyDatabase: boolean;
  /** The connection's own host first. */
  readonly addresses: readonly HostAddress[];
  readonly targetSessionAttrs: TargetSessionAttrs;
  readonly sslMode: SslMode;
  readonly caFile: string | null;
  readonly caPem: string | null;
  readonly applicationNamePassed: boolean;
  readonly statementTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clientCheckIntervalMs: number;
  readonly catalogue: boolean;
  /** Null: the connection's own. */
  readonly grantCredential: string | null;
  readonly catalogueCredential: string | null;
  readonly catalogueAgeMsMax: number;
  readonly catalogueTimeoutMs: number;
  readonly catalogueAway: 'deny' | 'deny_machines' | 'allow';
  readonly queryBytesMax: number;
  readonly messageBytesMax: number;
}

/** Fills in defaults. `disable` off loopback is refused where it is configured; what got past that must not send a credential in the clear. */
export function resolveOptions(
  options: PostgresOptions | undefined,
  { host, port }: HostAddress,
): ResolvedOptions {
  const given = options ?? {};
  const further = (given.hosts ?? []).map((one) => ({ host: one.host, port: one.port ?? port }));
  const addresses = [{ host, port }, ...further];
  const loopback = addresses.every((address) => isLoopback(address.host));
  const asked = given.sslMode ?? (loopback ? 'disable' : 'verify-full');
  return {
    database: given.database ?? 'postgres',
    anyDatabase: given.anyDatabase ?? false,
    addresses,
    targetSessionAttrs: given.targetSessionAttrs ?? 'any',
    sslMode: asked === 'disable' && !loopback ? 'verify-full' : asked,
    caFile: given.caFile ?? null,
    caPem: given.caPem ?? null,
    applicationNamePassed: given.applicationNamePassed ?? true,
    statementTimeoutMs: given.statementTimeoutMs ?? 0,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    clientCheckIntervalMs: given.clientCheckIntervalMs ?? 500,
    catalogue: given.catalogue !== 'off',
    grantCredential: given.grantCredential ?? null,
    catalogueCredential: given.catalogueCredential ?? null,
    catalogueAgeMsMax: given.catalogueAgeMsMax ?? 2000,
    catalogueTimeoutMs: given.catalogueTimeoutMs ?? 5000,
    catalogueAway: given.catalogueAway ?? 'deny_machines',
    queryBytesMax: given.queryBytesMax ?? 16 * 1024 * 1024,
    messageBytesMax: given.messageBytesMax ?? 64 * 1024 * 1024,
  };
}
