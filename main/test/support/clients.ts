/** Clients of the gateway in tests and benchmarks. */
import pg from 'pg';
import type { ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import type { IssueTokenAnswer } from '../../../schemas/api/tokens.ts';
import { BoundSocket } from '../../exercise/live-session.ts';

export interface Login {
  readonly identityId: string;
  readonly user: string;
  readonly token: string;
  readonly tokenId: string;
}

const TOKEN_TTL_MS = 3_600_000;

/** Makes an identity and a token for it. */
export async function makeLogin(
  api: ApiClient,
  subject: string,
  options: {
    readonly kind?: 'human' | 'service_account';
    readonly attributes?: Readonly<Record<string, string>>;
    readonly credentialSource?: string;
    readonly groups?: readonly string[];
  } = {},
): Promise<Login> {
  const identityId = `countersign/${subject}`;
  await api.send('PUT', '/v1/identities', {
    id: identityId,
    kind: options.kind ?? 'service_account',
    displayName: subject,
    groups: options.groups ?? [],
    attributes: options.attributes ?? {},
  });
  const issued = await api.send<IssueTokenAnswer>('POST', '/v1/tokens', {
    identityId,
    connections: ['sample'],
    ttlMs: TOKEN_TTL_MS,
    ...(options.credentialSource === undefined ? {} : { credentialSource: options.credentialSource }),
  });
  const { token, userName: user, summary } = issued;
  return { identityId, user, token, tokenId: summary.tokenId };
}

/** A client that has not connected yet; it ignores the end of its connection. */
export function createClient(
  listener: Pick<ListenerAnswer, 'host' | 'port' | 'ca'>,
  login: Pick<Login, 'user' | 'token'>,
  options: { readonly ip?: string; readonly tool?: string } = {},
): pg.Client {
  const client = new pg.Client({
    host: listener.host,
    port: listener.port,
    user: login.user,
    password: login.token,
    database: 'sample',
    application_name: options.tool ?? 'psql',
    ssl: listener.ca === null ? false : { ca: listener.ca, servername: 'localhost' },
    ...(options.ip === undefined ? {} : { stream: () => new BoundSocket(options.ip!) }),
  });
  client.on('error', () => undefined);
  return client;
}

export async function connectClient(...given: Parameters<typeof createClient>): Promise<pg.Client> {
  const client = createClient(...given);
  await client.connect();
  return client;
}
