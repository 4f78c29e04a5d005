/** From what the provider gave to a token of the gateway, and a new one in time. */
import { createApiClient, type ApiClient } from '../api-client.ts';
import type { ExchangeAnswer } from '../../schemas/api/exchange.ts';
import { cliError } from '../errors.ts';
import { locked, readLogin, writeLogin, type Login, type LoginSurroundings } from './login-file.ts';
import { refresh } from './provider.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** A token that ends sooner is renewed first. */
const SPARE_MS = 60_000;

/** Calls of the API that need no token. */
export const openApi = (api: Login['api']): ApiClient => createApiClient({ ...api, token: '' });

export function exchangeToken(
  api: Login['api'],
  subject: { readonly token: string; readonly type: 'id_token' | 'access_token' },
  connection?: string,
): Promise<ExchangeAnswer> {
  const form = new URLSearchParams({
    grant_type: GRANT,
    subject_token: subject.token,
    subject_token_type: `urn:ietf:params:oauth:token-type:${subject.type}`,
    ...(connection === undefined ? {} : { audience: connection }),
  });
  return openApi(api).sendText(
    'POST',
    '/v1/tokens/exchange',
    'application/x-www-form-urlencoded',
    form.toString(),
  );
}

export const loginOf = (
  api: Login['api'],
  provider: Login['provider'],
  answer: ExchangeAnswer,
  refreshToken: string | null,
): Login => ({
  api,
  token: answer.access_token,
  userName: answer.user_name,
  tokenId: answer.token_id,
  identityId: answer.identity_id,
  expiresAt: answer.expires_at,
  provider,
  refreshToken,
});

const lasts = ({ expiresAt }: Login, now: number): boolean => expiresAt - SPARE_MS > now;

/** Who is logged in, with a token that still works; a new one is had from the provider without asking anybody. */
export async function freshLogin(around: LoginSurroundings): Promise<Login> {
  const first = readLogin(around.environment);
  if (first === undefined) throw cliError('CLI_NOT_LOGGED_IN', { reason: '' });
  if (lasts(first, around.now())) return first;
  return locked(around, async () => {
    // Another process may have been quicker.
    const login = readLogin(around.environment);
    if (login === undefined) throw cliError('CLI_NOT_LOGGED_IN', { reason: '' });
    if (lasts(login, around.now())) return login;
    const { api, provider, refreshToken } = login;
    if (refreshToken === null) {
      if (login.expiresAt > around.now()) return login;
      throw cliError('CLI_NOT_LOGGED_IN', { reason: ' any more: the login has ended' });
    }
    const tokens = await refresh(provider, refreshToken);
    // At once: the one before may not count any more.
    writeLogin(around.environment, { ...login, refreshToken: tokens.refreshToken });
    const answer = await exchangeToken(api, { token: tokens.shown, type: provider.shows });
    const renewed = loginOf(api, provider, answer, tokens.refreshToken);
    writeLogin(around.environment, renewed);
    return renewed;
  });
}

export const freshToken = async (around: LoginSurroundings): Promise<string> =>
  (await freshLogin(around)).token;
