/** Where the vault's key comes from: a file that only its owner reads, the environment, or a command's output. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { vaultError } from './errors.ts';

export type VaultKeySource =
  | { readonly file: string }
  | { readonly env: string }
  /** Program and arguments; no shell. */
  | { readonly command: readonly [string, ...string[]] };

const COMMAND_MS_MAX = 30_000;
const OUTPUT_BYTES_MAX = 4096;

function parse(text: string): Buffer {
  const trimmed = text.trim();
  const key = /^[0-9a-fA-F]{64}$/.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : Buffer.from(trimmed, 'base64');
  if (key.length !== 32)
    throw vaultError('VAULT_KEY_INVALID', { reason: 'it is not 32 bytes in hex or base64' });
  return key;
}

function readFile(path: string): string {
  try {
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      throw vaultError('VAULT_KEY_INVALID', { reason: `others than its owner may read ${path}` });
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || code.startsWith('VAULT_')) throw cause;
    throw vaultError('VAULT_KEY_INVALID', { reason: `${path}: ${code}` });
  }
}

/** Reads the key; errors say where from, never what. Rejects with VAULT_KEY_INVALID. */
export async function readVaultKey(
  source: VaultKeySource,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Buffer> {
  if ('file' in source) return parse(readFile(source.file));
  if ('env' in source) {
    const text = environment[source.env];
    if (text === undefined) throw vaultError('VAULT_KEY_INVALID', { reason: `${source.env} is not set` });
    return parse(text);
  }
  const [program, ...args] = source.command;
  let output: string;
  try {
    output = (
      await promisify(execFile)(program, args, { timeout: COMMAND_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX })
    ).stdout;
  } catch {
    // The error would carry the output, which may be half a key.
    throw vaultError('VAULT_KEY_INVALID', { reason: `the command ${program} failed` });
  }
  return parse(output);
}
