/** All that the gateway does at one target: log in for a session, end what a session left there. */
import { isCountersignError, type CountersignError } from '../../../../platform/errors/errors.ts';
import type { ConnectionConfig, ProtocolDeps, TargetCredential } from '../../protocol.ts';
import { sshError } from '../errors.ts';
import { loadAuthority, type Ed25519Authority } from '../keys/own-keys.ts';
import { resolveOptions, type ResolvedOptions, type SshOptions } from '../options.ts';
import { createControlShell, type ControlShell } from './control-shell.ts';
import { dialTarget, type Dialled } from './dial.ts';

export interface Connector {
  readonly connection: ConnectionConfig;
  readonly options: ResolvedOptions;
  readCredential(): Promise<
    | { readonly ok: true; readonly credential: TargetCredential }
    | { readonly ok: false; readonly error: CountersignError }
  >;
  /** `keyId` names the session in the log of the target (certificates only). */
  login(credential: TargetCredential, account: string, keyId: string): Promise<Dialled>;
  control(account: string): ControlShell;
}

export interface Connectors {
  of(connection: ConnectionConfig): Connector;
  close(): void;
}

/** Connections and accounts whose control shells are kept; the oldest goes first. */
const SHELLS_MAX = 1000;

export function createConnectors(
  deps: Pick<ProtocolDeps, 'clock' | 'random' | 'kept' | 'credential'>,
): Connectors {
  const shells = new Map<string, ControlShell>();
  let authority: Promise<Ed25519Authority> | undefined;
  const dialDeps = {
    clock: deps.clock,
    random: deps.random,
    authority: () => (authority ??= loadAuthority(deps, 'target')),
  };
  const of = (connection: ConnectionConfig): Connector => {
    const options = resolveOptions(connection.options as SshOptions | undefined, connection.host);
    const readCredential: Connector['readCredential'] = async () => {
      try {
        return { ok: true, credential: await deps.credential(connection) };
      } catch (cause) {
        if (isCountersignError(cause)) return { ok: false, error: cause };
        const details = { connection: connection.name, reason: 'it cannot be read' };
        return { ok: false, error: sshError('SSH_CREDENTIAL_UNAVAILABLE', details, cause) };
      }
    };
    const login: Connector['login'] = (credential, account, keyId) =>
      dialTarget(dialDeps, connection, options, credential, { account, keyId });
    return {
      connection,
      options,
      readCredential,
      login,
      control(account) {
        const key = `${connection.name} ${connection.host}:${connection.port} ${account}`;
        const kept = shells.get(key);
        if (kept !== undefined) return kept;
        const made = createControlShell(deps.clock, async () => {
          const read = await readCredential();
          return read.ok ? await login(read.credential, account, 'countersign-control') : read;
        });
        if (shells.size >= SHELLS_MAX) {
          const [oldest] = shells;
          oldest?.[1].close();
          if (oldest !== undefined) shells.delete(oldest[0]);
        }
        shells.set(key, made);
        return made;
      },
    };
  };
  return {
    of,
    close() {
      for (const shell of shells.values()) shell.close();
      shells.clear();
    },
  };
}
