/** Tokens of the control API for this machine's own use: one for whoever may read the data folder, one for the responders here. */
import { join } from 'node:path';
import { sha256Hex } from '../platform/digest/sha256.ts';
import type { Random } from '../platform/clock/clock.ts';
import type { ApiTokenConfig } from '../schemas/config/control-api.ts';
import { replaceFile } from './whole-file.ts';

export interface LocalApiTokens {
  /** May do everything; stands in DATA_FOLDER/api.json, which only its owner reads. */
  readonly admin: string;
  /** May contain, not release. */
  readonly responder: string;
  /** What the control API is told: digests only. */
  readonly entries: readonly ApiTokenConfig[];
}

/** New ones at each start; they live as long as the process. */
export function createLocalApiTokens(random: Random): LocalApiTokens {
  const make = (): string => `csa_${random.bytes(32).toString('base64url')}`;
  const admin = make();
  const responder = make();
  return {
    admin,
    responder,
    entries: [
      {
        subject: 'local-admin',
        scopes: ['read', 'contain', 'release', 'issue', 'admin'],
        sha256: sha256Hex(admin),
      },
      { subject: 'responders', scopes: ['contain'], sha256: sha256Hex(responder) },
    ],
  };
}

/** Tells `countersign` on this machine where the API is. */
export function writeApiFile(folder: string, api: { readonly url: string; readonly token: string }): void {
  replaceFile(join(folder, 'api.json'), JSON.stringify(api), 0o600);
}
