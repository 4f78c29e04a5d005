/** A token of the gateway for one connection: from the login, or issued where the caller may issue tokens. */
import type { SshCertificateAnswer } from '../../schemas/api/ssh.ts';
import { createApiClient } from '../api-client.ts';
import { findApi } from '../find-api.ts';
import type { CliContext } from '../context.ts';
import { issueToken } from '../issue-token.ts';
import { exchangeToken, freshLogin } from '../login/session.ts';

export interface ConnectToken {
  readonly token: string;
  readonly userName: string;
  readonly tokenId: string;
  readonly expiresAt: number;
}

const ISSUED_MS = 3_600_000;

/** `subject`: account to issue for, without a login. */
export async function tokenFor(
  context: CliContext,
  dataFolder: string,
  connection: string,
  subject: string,
): Promise<ConnectToken> {
  if (findApi(context, dataFolder).fresh === undefined) {
    const issued = await issueToken(context.api(), { subject, connections: [connection], ttlMs: ISSUED_MS });
    const { tokenId, expiresAt } = issued.summary;
    return { token: issued.token, userName: issued.userName, tokenId, expiresAt };
  }
  const { api, token } = await freshLogin(context);
  const answer = await exchangeToken(api, { token, type: 'access_token' }, connection);
  return {
    token: answer.access_token,
    userName: answer.user_name,
    tokenId: answer.token_id,
    expiresAt: answer.expires_at,
  };
}

/** A certificate for as long as the token lives, had with that token itself where a person is logged in. */
export async function certificateFor(
  context: CliContext,
  dataFolder: string,
  { token, tokenId, expiresAt }: ConnectToken,
  publicKey: string,
): Promise<string> {
  const { fresh, ...api } = findApi(context, dataFolder);
  const client = fresh === undefined ? context.api() : createApiClient({ ...api, token });
  const { certificate } = await client.send<SshCertificateAnswer>('POST', '/v1/ssh/certificates', {
    tokenId,
    publicKey,
    ttlMs: Math.max(1000, Math.min(86_400_000, expiresAt - context.now())),
  });
  return certificate;
}
