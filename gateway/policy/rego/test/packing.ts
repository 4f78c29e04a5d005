/** Bundles of the tests: the fixture's files, changed and packed and signed again. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CompactSign } from 'jose';
import { create, extract } from 'tar';
import { hashOfFile } from '../structured-hash.ts';
import { FIXTURE } from './make-fixture.ts';

export const scratch = (): string => mkdtempSync(join(tmpdir(), 'countersign-bundle-'));

export function unpackFixture(): Map<string, Buffer> {
  const folder = scratch();
  try {
    extract({ file: FIXTURE, cwd: folder, sync: true });
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return new Map(
      names.map(({ name, parentPath }) => {
        const file = join(parentPath, name);
        return [file.slice(folder.length + 1), readFileSync(file)];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tar.gz of the files. */
export function pack(files: ReadonlyMap<string, Buffer | string>, target: string): void {
  const folder = scratch();
  try {
    for (const [name, content] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    create({ gzip: true, file: target, cwd: folder, sync: true, portable: true }, [...files.keys()]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface Keys {
  readonly publicPem: string;
  readonly privateKey: KeyObject;
}
export function makeKeys(kind: 'rsa' | 'ec' = 'rsa'): Keys {
  const { publicKey, privateKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(), privateKey };
}

export interface Signing {
  readonly algorithm?: string;
  readonly key: KeyObject | Uint8Array;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly leaveOut?: string;
}

/** With a .signatures.json over all files, as `opa sign` makes it. */
export async function sign(
  files: ReadonlyMap<string, Buffer>,
  { algorithm = 'RS256', key, header = {}, payload = {}, leaveOut }: Signing,
): Promise<Map<string, Buffer>> {
  const entries = [...files]
    .filter(([name]) => name !== leaveOut)
    .map(([name, bytes]) => {
      const hashed = hashOfFile(name, bytes, 'SHA-256');
      if (!('hash' in hashed)) throw new Error(hashed.reason);
      return { name, hash: hashed.hash, algorithm: 'SHA-256' };
    });
  const token = await new CompactSign(Buffer.from(JSON.stringify({ files: entries, ...payload })))
    .setProtectedHeader({ alg: algorithm, ...header })
    .sign(key);
  return new Map([...files, ['.signatures.json', Buffer.from(JSON.stringify({ signatures: [token] }))]]);
}
