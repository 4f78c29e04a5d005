import { readFileSync } from 'node:fs';
import type { SecretReference } from '../../schemas/config/secret.ts';
import { configError } from './errors.ts';

/** A reader of secrets by reference; errors name the reference, never a value. */
export function createSecretReader(
  environment: Readonly<Record<string, string | undefined>>,
  readVault: (path: string) => Promise<string | undefined>,
): (reference: SecretReference) => Promise<string> {
  return async (reference) => {
    let secret: string | undefined;
    if ('env' in reference) secret = environment[reference.env];
    else if ('file' in reference) {
      try {
        secret = readFileSync(reference.file, 'utf8').replace(/\r?\n$/, '');
      } catch (cause) {
        throw configError('CONFIG_SECRET_MISSING', { reference: `file ${reference.file}` }, cause);
      }
    } else secret = await readVault(reference.vault);
    if (secret === undefined || secret === '') {
      const [kind, name] = Object.entries(reference)[0]!;
      throw configError('CONFIG_SECRET_MISSING', { reference: `${kind} ${name}` });
    }
    return secret;
  };
}
