/** What a connection to an SSH host can be told, beyond host, port and credential. */
import Type from 'typebox';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import { checkCommandLists } from './commands/check.ts';
import { sshError } from './errors.ts';
import { blobOfLine, readPublicKey } from './keys/public-key.ts';

const lines = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 8192 }), { description, maxItems: 64 }));
const patterns = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { description, maxItems: 1000 }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description, default: false }));

export const SshOptions = Type.Object(
  {
    hostKeys: lines(
      'Public host keys of the target, as in known_hosts without the host: "ssh-ed25519 AAAA...".',
    ),
    hostAuthorities: lines('Public keys of authorities whose host certificates are accepted for this host.'),
    hostPrincipals: lines("Names that a host certificate must have one of. Default: the connection's host."),
    users: patterns(
      "Accounts of the target that clients may name as USER+CONNECTION. Default: the credential's only.",
    ),
    env: patterns(
      'Environment variables that clients may set, with * and ?. Default: LANG, LC_*, GIT_PROTOCOL, COLORTERM.',
    ),
    execOnly: flag('No shells and no terminals: commands, SFTP and what policy allows. Default: false.'),
    commands: Type.Optional(
      Type.Object(
        {
          allow: patterns('Commands that may run; absent: all.'),
          deny: patterns('Commands that may not run.'),
        },
        { additionalProperties: false, description: 'Lists of commands (docs/ssh-commands.md).' },
      ),
    ),
    sftp: Type.Optional(
      Type.Object(
        {
          readOnly: flag('Refuses what changes files. Default: false.'),
          allow: patterns('Paths that may be touched; absent: all.'),
          deny: patterns('Paths that may not be touched.'),
          bytesMax: Type.Optional(
            Type.Integer({
              minimum: 0,
              description: 'Bytes of content that one channel may move. Default: no bound.',
            }),
          ),
        },
        { additionalProperties: false, description: 'Limits of SFTP.' },
      ),
    ),
    localForwarding: flag(
      'Whether clients may open connections from the target (ssh -L, -D, -J). Default: false.',
    ),
    remoteForwarding: flag('Whether clients may listen on the target (ssh -R). Default: false.'),
    agentForwarding: flag(
      "Whether sessions may lend the client's SSH agent to the target (ssh -A). Default: false.",
    ),
    x11Forwarding: flag(
      'Whether programs of the target may use the screen of the client (ssh -X). Default: false.',
    ),
    askReason: flag(
      'Whether persons are asked at the login why they come (keyboard-interactive), and for which ticket. Default: false.',
    ),
    leaveProcesses: flag(
      'Whether what a client ran goes on when its connection is lost. Default: false, it is ended.',
    ),
    channelsMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'Channels of one connection at a time. Default: 64.',
        default: 64,
      }),
    ),
    targetLoginsMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 16,
        description:
          'Logins of one session at the target: further ones are made where it takes no more channels on one (MaxSessions). Default: 4.',
        default: 4,
      }),
    ),
    connectTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Longest time for reaching and logging in to the target, milliseconds. Default: 10000.',
        default: 10_000,
      }),
    ),
    keepAliveMs: Type.Optional(
      Type.Integer({
        minimum: 1000,
        description:
          'Time between signs of life to the target, milliseconds; three missed ones end the connection. To the client it is 15 s. Default: 15000.',
        default: 15_000,
      }),
    ),
    rekeyBytes: Type.Optional(
      Type.Integer({
        minimum: 65_536,
        description:
          'New session keys after so many bytes, on each side. Default: 1 GiB (RFC 4253, section 9).',
        default: 1_073_741_824,
      }),
    ),
    rekeyMs: Type.Optional(
      Type.Integer({
        minimum: 1000,
        description: 'New session keys after this time, milliseconds. Default: 1 h.',
        default: 3_600_000,
      }),
    ),
  },
  { additionalProperties: false, description: 'Options of an SSH connection.' },
);
export type SshOptions = Type.Static<typeof SshOptions>;

/** Options with their defaults, as the code reads them. */
export interface ResolvedOptions {
  readonly hostKeys: readonly Buffer[];
  readonly hostAuthorities: readonly Buffer[];
  readonly hostPrincipals: readonly string[];
  readonly users: readonly string[];
  readonly env: readonly RegExp[];
  readonly execOnly: boolean;
  readonly commands: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly sftp: NonNullable<SshOptions['sftp']>;
  readonly localForwarding: boolean;
  readonly remoteForwarding: boolean;
  readonly agentForwarding: boolean;
  readonly x11Forwarding: boolean;
  readonly askReason: boolean;
  readonly leaveProcesses: boolean;
  readonly channelsMax: number;
  readonly targetLoginsMax: number;
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly rekeyBytes: number;
  readonly rekeyMs: number;
}

const ENV_DEFAULT = ['LANG', 'LC_*', 'GIT_PROTOCOL', 'COLORTERM'];

const globOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
const blobs = (list: readonly string[] | undefined): Buffer[] =>
  (list ?? []).map(blobOfLine).filter((blob) => blob !== undefined);

export function resolveOptions(options: SshOptions | undefined, host: string): ResolvedOptions {
  const given = options ?? {};
  return {
    hostKeys: blobs(given.hostKeys),
    hostAuthorities: blobs(given.hostAuthorities),
    hostPrincipals: given.hostPrincipals ?? [host],
    users: given.users ?? [],
    env: (given.env ?? ENV_DEFAULT).map(globOf),
    execOnly: given.execOnly ?? false,
    commands: given.commands ?? {},
    sftp: given.sftp ?? {},
    localForwarding: given.localForwarding ?? false,
    remoteForwarding: given.remoteForwarding ?? false,
    agentForwarding: given.agentForwarding ?? false,
    x11Forwarding: given.x11Forwarding ?? false,
    askReason: given.askReason ?? false,
    leaveProcesses: given.leaveProcesses ?? false,
    channelsMax: given.channelsMax ?? 64,
    targetLoginsMax: given.targetLoginsMax ?? 4,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    keepAliveMs: given.keepAliveMs ?? 15_000,
    rekeyBytes: given.rekeyBytes ?? 1_073_741_824,
    rekeyMs: given.rekeyMs ?? 3_600_000,
  };
}

/** What is wrong beyond the schema: a target that cannot be told from another must not get a credential. */
export function checkOptions(connection: {
  readonly name: string;
  readonly options: unknown;
}): CountersignError | undefined {
  const given = (connection.options ?? {}) as SshOptions;
  for (const option of ['hostKeys', 'hostAuthorities'] as const)
    for (const line of given[option] ?? []) {
      const blob = blobOfLine(line);
      if (blob === undefined || readPublicKey(blob) === undefined)
        return sshError('SSH_OPTION_INVALID', {
          connection: connection.name,
          option,
          reason: 'not a public key in the form "ssh-ed25519 AAAA..."',
        });
    }
  const [wrong] = checkCommandLists(given.commands ?? {}, given.execOnly ?? false);
  if (wrong !== undefined)
    return sshError('SSH_OPTION_INVALID', { connection: connection.name, option: 'commands', reason: wrong });
  if ((given.hostKeys ?? []).length + (given.hostAuthorities ?? []).length > 0) return undefined;
  return sshError('SSH_HOST_KEY_UNPINNED', { connection: connection.name });
}
