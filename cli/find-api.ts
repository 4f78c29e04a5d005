/** Which control API a command calls, and with which token. */
import { readFileSync } from 'node:fs';
import type { ApiAddress } from './api-client.ts';
import { cliError } from './errors.ts';
import { readLogin, type LoginSurroundings } from './login/login-file.ts';
import { freshToken } from './login/session.ts';

/**
 * Where the API is: `COUNTERSIGN_API` and `COUNTERSIGN_API_TOKEN`, else the file `api.json` in a data folder that is named, else where
 * somebody logged in (`countersign login`), else the data folder that is there by default.
 */
export function findApi(around: LoginSurroundings, dataFolder: string): ApiAddress {
  const { environment } = around;
  const url = environment['COUNTERSIGN_API'];
  const token = environment['COUNTERSIGN_API_TOKEN'];
  if (url !== undefined && token !== undefined) return { url, token };
  const login = environment['COUNTERSIGN_DATA_FOLDER'] === undefined ? readLogin(environment) : undefined;
  if (login !== undefined) return { ...login.api, token: login.token, fresh: () => freshToken(around) };
  try {
    return JSON.parse(readFileSync(`${dataFolder}/api.json`, 'utf8')) as ApiAddress;
  } catch {
    throw cliError('CLI_NO_API', { file: `${dataFolder}/api.json` });
  }
}
