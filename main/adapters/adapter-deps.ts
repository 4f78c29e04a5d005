import { createSecretReader } from '../../platform/config/secrets.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Environment } from '../config.ts';
import { mainError } from '../errors.ts';
import type { Surroundings } from '../storage.ts';
import type { VaultSecrets } from '../vault-secrets.ts';

/** What every adapter is made with. */
export interface AdapterDeps extends Surroundings {
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

/**
 * Reads secrets from the environment and from files, and of the vault what is given. The vault is behind the control store and a gateway's key: what opens before them, or
 * runs without a gateway, cannot ask it, and rejects with SECRET_NEEDS_GATEWAY.
 */
export const createOwnSecretReader = (
  environment: Environment,
  vaultSecrets?: VaultSecrets,
): AdapterDeps['readSecret'] =>
  createSecretReader(environment, (path) =>
    vaultSecrets === undefined
      ? Promise.reject(mainError('SECRET_NEEDS_GATEWAY', { reference: `vault ${path}` }))
      : Promise.resolve(vaultSecrets[path]),
  );
