/** The identity provider: authorization code with PKCE over a loopback address (RFC 8252), device code (RFC 8628), refresh. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import type { LoginAnswer } from '../../schemas/api/exchange.ts';
import { cliError } from '../errors.ts';

export interface ProviderTokens {
  /** What the gateway takes. */
  readonly shown: string;
  readonly refreshToken: string | null;
}

const CALLBACK = '/callback';
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** What the provider said, in its words; never a token. */
function toError(issuer: string, error: unknown): Error {
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    const reason = error.error_description ?? error.error;
    return cliError('CLI_PROVIDER_FAILED', { issuer, reason });
  }
  const cause = (error as { cause?: unknown }).cause;
  const reason = cause instanceof Error ? cause.message : (error as Error).message;
  // What fetch throws where nobody answers.
  if (error instanceof TypeError || (error as { code?: string }).code === 'OAUTH_RESPONSE_IS_NOT_CONFORM')
    return cliError('CLI_PROVIDER_DOWN', { issuer, reason });
  return cliError('CLI_PROVIDER_FAILED', { issuer, reason });
}

async function configure({ issuer, clientId }: LoginAnswer): Promise<client.Configuration> {
  const url = new URL(issuer);
  // Only on this machine; elsewhere the library insists on TLS.
  const insecure = url.protocol === 'http:' && LOOPBACK.has(url.hostname);
  const options = insecure ? { execute: [client.allowInsecureRequests] } : undefined;
  return client.discovery(url, clientId, undefined, client.None(), options);
}

function takeTokens(
  provider: LoginAnswer,
  tokens: { readonly id_token?: string; readonly access_token: string; readonly refresh_token?: string },
  before: string | null,
): ProviderTokens {
  const shown = provider.shows === 'id_token' ? tokens.id_token : tokens.access_token;
  if (shown === undefined)
    throw cliError('CLI_PROVIDER_FAILED', { issuer: provider.issuer, reason: 'it gave no id token' });
  return { shown, refreshToken: tokens.refresh_token ?? before };
}

const parametersOf = ({ scopes, resource }: LoginAnswer): Record<string, string> => ({
  scope: scopes.join(' '),
  ...(resource === null ? {} : { resource }),
  // Providers give a refresh token only to whoever asks anew (OpenID Connect Core 1.0, section 11).
  ...(scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
});

function answer(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'",
    connection: 'close',
  });
  response.end(`<!doctype html><title>Countersign</title><p>${text}</p>`);
}

/** Listens for the one answer that the browser brings. */
async function awaitCallback(
  port: number,
  signal: AbortSignal,
): Promise<{ readonly redirectUri: string; readonly url: Promise<URL>; close(): void }> {
  const waiting = Promise.withResolvers<URL>();
  waiting.promise.catch(() => undefined);
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '', redirectUri);
    if (request.method !== 'GET' || url?.pathname !== CALLBACK)
      return answer(response, 'There is nothing here.', 404);
    answer(
      response,
      url.searchParams.has('error') ? 'You were not logged in.' : 'You can close this page now.',
    );
    waiting.resolve(url);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${CALLBACK}`;
  const onAbort = (): void => waiting.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    redirectUri,
    url: waiting.promise,
    close() {
      signal.removeEventListener('abort', onAbort);
      server.close();
      server.closeAllConnections();
    },
  };
}

/** `show` is given the address that a browser must open. */
export async function loginByBrowser(
  provider: LoginAnswer,
  options: { readonly port: number; readonly signal: AbortSignal; show(url: string): void },
): Promise<ProviderTokens> {
  try {
    const config = await configure(provider);
    const callback = await awaitCallback(options.port, options.signal);
    try {
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const state = client.randomState();
      const nonce = client.randomNonce();
      const url = client.buildAuthorizationUrl(config, {
        ...parametersOf(provider),
        redirect_uri: callback.redirectUri,
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      });
      options.show(url.href);
      const tokens = await client.authorizationCodeGrant(config, await callback.url, {
        pkceCodeVerifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      return takeTokens(provider, tokens, null);
    } finally {
      callback.close();
    }
  } catch (error) {
    throw options.signal.aborted || isOwn(error) ? error : toError(provider.issuer, error);
  }
}

const isOwn = (error: unknown): boolean => (error as { name?: string }).name === 'CliError';

/** `show` is given the address and the code that must be entered there. */
export async function loginByDevice(
  provider: LoginAnswer,
  options: { readonly signal: AbortSignal; show(url: string, code: string): void },
): Promise<ProviderTokens> {
  try {
    const config = await configure(provider);
    const { prompt: _prompt, ...parameters } = parametersOf(provider);
    const device = await client.initiateDeviceAuthorization(config, parameters);
    options.show(device.verification_uri_complete ?? device.verification_uri, device.user_code);
    const tokens = await client.pollDeviceAuthorizationGrant(config, device, undefined, {
      signal: options.signal,
    });
    return takeTokens(provider, tokens, null);
  } catch (error) {
    throw options.signal.aborted || isOwn(error) ? error : toError(provider.issuer, error);
  }
}

export async function refresh(provider: LoginAnswer, refreshToken: string): Promise<ProviderTokens> {
  try {
    const config = await configure(provider);
    const tokens = await client.refreshTokenGrant(
      config,
      refreshToken,
      provider.resource === null ? {} : { resource: provider.resource },
    );
    return takeTokens(provider, tokens, refreshToken);
  } catch (error) {
    throw isOwn(error) ? error : toError(provider.issuer, error);
  }
}

/** Ends the refresh token at the provider, where it can be reached and lets one do so (RFC 7009). */
export async function endAtProvider(provider: LoginAnswer, refreshToken: string): Promise<void> {
  try {
    await client.tokenRevocation(await configure(provider), refreshToken);
  } catch {
    // It ends by itself.
  }
}
