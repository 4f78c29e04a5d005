/** Connections: those of the configuration, and those added through the control API (control store; credentials in the vault). */
import { connect } from 'node:net';
import type { Vault } from '../../gateway/credentials/vault.ts';
import type { ConnectionConfig, TargetCredential } from '../../gateway/protocols/protocol.ts';
import { findProtocol } from '../../gateway/protocols/registry.ts';
import type { ConnectionsService } from '../../gateway/control-api/services.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore, JsonObject } from '../../platform/control-store/control-store.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { ConnectionEntry } from '../../schemas/config/connection.ts';
import type { Connection, ConnectionCheck, ConnectionPut } from '../../schemas/api/connections.ts';
import { mainError } from '../errors.ts';

const COLLECTION = 'connections';
/** Connections that other gateways changed are seen after this long. */
const REFRESH_MS = 1000;
const CONNECTIONS_MAX = 10_000;
const CHECK_TIMEOUT_MS = 5000;

export interface Connections {
  /** What the data path asks, synchronously. */
  find(name: string): ConnectionConfig | undefined;
  credential(connection: ConnectionConfig): Promise<TargetCredential>;
  readonly service: ConnectionsService;
  start(): Promise<void>;
  stop(): void;
}

export interface ConnectionsDeps {
  readonly store: ControlStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

type Stored = { readonly name: string } & Omit<Connection, 'name'>;

function fromEntry(entry: ConnectionEntry): ConnectionConfig {
  return {
    name: entry.name,
    protocol: entry.protocol,
    host: entry.host,
    port: entry.port,
    credential: entry.credential ?? `connections/${entry.name}`,
    options: entry.options,
  };
}

function fromStored(stored: Stored): ConnectionConfig {
  const sslMode = { 'verify-full': 'verify-full', 'verify-ca': 'verify-full', disable: 'disable' }[
    stored.tls
  ];
  return {
    name: stored.name,
    protocol: stored.protocol,
    host: stored.host,
    port: stored.port,
    credential: `connections/${stored.name}`,
    options: {
      ...(stored.protocol === 'postgres' ? { sslMode } : {}),
      ...stored.options,
      ...(stored.database === undefined || stored.database === null ? {} : { database: stored.database }),
      ...(stored.ca === undefined || stored.ca === null ? {} : { caPem: stored.ca }),
    },
  };
}

function toShown(config: ConnectionConfig, stored: Stored | undefined): Connection {
  if (stored !== undefined) return stored;
  const options = config.options as { database?: string; sslMode?: string };
  return {
    name: config.name,
    protocol: config.protocol,
    host: config.host,
    port: config.port,
    database: options.database ?? null,
    role: '',
    tls: options.sslMode === 'disable' ? 'disable' : 'verify-full',
    labels: { from: 'configuration' },
  };
}

export function createConnections(
  { store, vault, clock, readSecret }: ConnectionsDeps,
  entries: readonly ConnectionEntry[],
): Connections {
  const configured = new Map(entries.map((entry) => [entry.name, fromEntry(entry)]));
  let stored = new Map<string, Stored>();
  let timer: { cancel(): void } | undefined;
  const refresh = async (): Promise<void> => {
    const list = await store.list<Stored & JsonObject>(COLLECTION, { limit: CONNECTIONS_MAX });
    stored = new Map(list.map(({ id, value }) => [id, value]));
  };
  const find = (name: string): ConnectionConfig | undefined => {
    const added = stored.get(name);
    return configured.get(name) ?? (added === undefined ? undefined : fromStored(added));
  };
  const credential = async (connection: ConnectionConfig): Promise<TargetCredential> => {
    const secret = await vault.get(connection.credential);
    if (secret === undefined)
      throw mainError('CONNECTION_CREDENTIAL_ABSENT', {
        connection: connection.name,
        path: connection.credential,
      });
    return JSON.parse(secret.value) as TargetCredential;
  };

  const reachable = (host: string, port: number): Promise<string | undefined> =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      const end = (problem: string | undefined): void => {
        patience.cancel();
        socket.destroy();
        resolve(problem);
      };
      const patience = clock.after(CHECK_TIMEOUT_MS, () => end('no answer in time'));
      socket.once('connect', () => end(undefined));
      socket.once('error', (error) => end(error.message));
    });
  const check = async (name: string): Promise<ConnectionCheck | undefined> => {
    const connection = find(name);
    if (connection === undefined) return undefined;
    const steps: ConnectionCheck['steps'] = [];
    const problem = await reachable(connection.host, connection.port);
    steps.push({
      step: 'connect',
      ok: problem === undefined,
      detail: problem ?? `${connection.host}:${connection.port} takes connections`,
    });
    try {
      const { username } = await credential(connection);
      steps.push({ step: 'credential', ok: true, detail: `the vault has one for ${username}` });
    } catch (error) {
      steps.push({ step: 'credential', ok: false, detail: (error as Error).message });
    }
    return { ok: steps.every(({ ok }) => ok), steps };
  };

  const service: ConnectionsService = {
    list({ limit, after }) {
      const names = [...new Set([...configured.keys(), ...stored.keys()])]
        .sort()
        .filter((name) => after === undefined || name > after);
      const page = names.slice(0, limit);
      const items = page.map((name) => toShown(find(name)!, stored.get(name)));
      return Promise.resolve(names.length > limit ? { items, next: page.at(-1)! } : { items });
    },
    async put(name, put: ConnectionPut) {
      if (configured.has(name))
        return { ok: false, error: mainError('CONNECTION_CONFIGURED', { connection: name }) };
      if (findProtocol(put.protocol) === undefined)
        return { ok: false, error: mainError('CONNECTION_PROTOCOL_UNKNOWN', { protocol: put.protocol }) };
      const problem = findProtocol(put.protocol)?.checkConnection?.(fromStored({ name, ...put }));
      if (problem !== undefined) return { ok: false, error: problem };
      const { credential: given, ...shown } = put;
      if (given !== undefined) {
        const secret =
          'password' in given || 'privateKey' in given || 'certificate' in given
            ? given
            : { password: await readSecret(given) };
        await vault.put(`connections/${name}`, JSON.stringify({ username: put.role, ...secret }));
      }
      const value: Stored = { name, ...shown };
      await store.transact((transaction) => transaction.put(COLLECTION, name, value as Stored & JsonObject));
      await refresh();
      return { ok: true, value };
    },
    async remove(name) {
      if (!stored.has(name)) return false;
      await store.transact((transaction) => transaction.delete(COLLECTION, name));
      await vault.delete(`connections/${name}`);
      await refresh();
      return true;
    },
    check,
    protocolOf: (name) => find(name)?.protocol,
  };
  return {
    find,
    credential,
    service,
    async start() {
      await refresh();
      timer = clock.every(REFRESH_MS, () => {
        // A store that is away costs the lease; what is known of connections stays.
        refresh().catch(() => undefined);
      });
    },
    stop: () => timer?.cancel(),
  };
}
