import { defineErrors, type ErrorDefinitions } from '../../platform/errors/errors.ts';

export const definitions = {
  VAULT_KEY_WRONG: {
    message: 'The vault was sealed with another key.',
    hint: 'Give the key that it was made with (vaultKey; DATA_FOLDER/vault.key where it was made at the first start), the same to every gateway on one control store; without it the secrets in it are lost.',
    status: 500,
  },
  VAULT_KEY_INVALID: {
    message: 'The key of the vault cannot be used: {reason}.',
    hint: 'The key is 32 bytes as 64 hex digits or base64; `openssl rand -hex 32` makes one. A key file must be readable by its owner only (chmod 600).',
    status: 500,
  },
  VAULT_RECORD_DAMAGED: {
    message: 'The secret at {path} in the vault is damaged.',
    hint: 'Store it again, or restore the control store from a backup.',
    status: 500,
  },
  VAULT_INVALID: {
    message: 'The vault refused a secret: {reason}.',
    hint: 'Paths have 1 to 512 characters of a-z, A-Z, 0-9, ".", "_", "-" and "/"; values at most 64 KiB.',
    status: 400,
  },
} as const satisfies ErrorDefinitions;

export const vaultError = defineErrors(definitions);
