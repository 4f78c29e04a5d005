/** A real, certified OpenID provider (`oidc-provider`) on loopback, whose people consent to everything. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

export interface OidcProvider {
  readonly url: string;
  readonly clientId: string;
  /** Claims by subject; a test changes them. */
  readonly people: Map<string, Record<string, unknown>>;
  /** Who sits at the browser. */
  person: string;
  /** Refuses to answer from now on; `false` again. */
  setDown(down: boolean): void;
  close(): Promise<void>;
}

interface Details {
  readonly prompt: { readonly name: string; readonly details: Record<string, unknown> };
  readonly params: Record<string, unknown>;
  readonly session?: { readonly accountId: string };
  readonly grantId?: string;
}
interface Grant {
  addOIDCScope(scope: string): void;
  save(): Promise<string>;
}
interface Served {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Details>;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
    options: { mergeWithLastSubmission: boolean },
  ): Promise<void>;
  readonly Grant: (new (of: { accountId: string; clientId: string }) => Grant) & {
    find(id: string): Promise<Grant | undefined>;
  };
}

const CLIENT = 'countersign-cli';

async function configuration(
  people: OidcProvider['people'],
  redirectUris: readonly string[],
): Promise<object> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return {
    clients: [
      {
        client_id: CLIENT,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
        redirect_uris: redirectUris,
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'provider', alg: 'RS256', use: 'sig' }] },
    cookies: { keys: ['not a secret: a test'] },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      revocation: { enabled: true },
    },
    claims: { openid: ['sub', 'groups'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    ttl: {
      IdToken: 3600,
      AccessToken: 3600,
      RefreshToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 600,
    },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_context: unknown, sub: string) =>
      people.has(sub) ? { accountId: sub, claims: () => ({ ...people.get(sub), sub }) } : undefined,
  };
}

/** Logs the person in, and consents. */
async function interact(
  served: Served,
  person: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session, grantId } = await served.interactionDetails(request, response);
  if (prompt.name === 'login')
    return served.interactionFinished(
      request,
      response,
      { login: { accountId: person } },
      { mergeWithLastSubmission: false },
    );
  const known = grantId === undefined ? undefined : await served.Grant.find(grantId);
  const grant =
    known ?? new served.Grant({ accountId: session!.accountId, clientId: String(params['client_id']) });
  grant.addOIDCScope(String(params['scope']));
  const consent = { grantId: await grant.save() };
  return served.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

export async function startOidcProvider(): Promise<OidcProvider> {
  const people: OidcProvider['people'] = new Map();
  let down = false;
  let served: Served | undefined;
  const server = createServer((request, response) => {
    if (down || served === undefined) request.socket.destroy();
    else if (request.url?.startsWith('/interaction/') === true)
      interact(served, state.person, request, response).catch((error: unknown) => {
        response.writeHead(500);
        response.end(String(error));
      });
    else served.callback()(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const make = Provider as unknown as new (issuer: string, options: object) => Served;
  served = new make(url, await configuration(people, ['http://127.0.0.1/callback']));
  const state = { person: '' };
  return Object.assign(state, {
    url,
    clientId: CLIENT,
    people,
    setDown: (now: boolean) => {
      down = now;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
