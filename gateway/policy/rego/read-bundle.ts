/** An OPA bundle (tar.gz) unpacked in memory: its manifest, its WebAssembly for one entrypoint, its data. */
import { gunzipSync } from 'node:zlib';
import type { ReadEntry } from 'tar';
import { isCountersignError, type CountersignError } from '../../../platform/errors/errors.ts';
import { policyError } from '../errors.ts';
import { whyUntrusted, type Verifier } from './verify-bundle.ts';
import { compileWasm, type WasmModule } from './wasm.ts';

export interface Bundle {
  readonly revision: string;
  readonly wasm: WasmModule;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface BundleConfig {
  /** Of the file or the server, for errors. */
  readonly place: string;
  readonly entrypoint: string;
  readonly bundleBytesMax: number;
  /** Null: signatures are not looked at. */
  readonly verifier: Verifier | null;
}

const FILES_MAX = 10_000;

interface Manifest {
  readonly revision?: unknown;
  readonly wasm?: unknown;
}

/** Names without leading `/` or `./`. */
const plainName = (name: string): string => name.replace(/^(\.?\/)+/, '');

async function unpack(packed: Buffer, bytesMax: number): Promise<Map<string, Buffer>> {
  // Loaded where there is a bundle.
  const { Parser } = await import('tar');
  const tar = gunzipSync(packed, { maxOutputLength: bytesMax });
  return new Promise((resolve, reject) => {
    const files = new Map<string, Buffer>();
    const parser = new Parser({
      strict: true,
      onReadEntry(entry: ReadEntry) {
        const name = plainName(entry.path);
        if (entry.type !== 'File' && entry.type !== 'OldFile') {
          entry.resume();
          return;
        }
        if (files.has(name) || files.size >= FILES_MAX) {
          reject(new Error(files.has(name) ? `${name} is in it twice` : 'it has too many files'));
          entry.resume();
          return;
        }
        const pieces: Buffer[] = [];
        files.set(name, Buffer.alloc(0));
        entry.on('data', (piece: Buffer) => pieces.push(piece));
        entry.on('end', () => void files.set(name, Buffer.concat(pieces)));
      },
    });
    parser.on('end', () => resolve(files));
    parser.on('error', reject);
    parser.end(tar);
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readJson(files: ReadonlyMap<string, Buffer>, name: string): unknown {
  const bytes = files.get(name);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Error(`${name} is no JSON`);
  }
}

/** The documents of all data.json, each under the path of its folder. */
function readData(files: ReadonlyMap<string, Buffer>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const name of [...files.keys()].sort()) {
    if (/(^|\/)data\.ya?ml$/.test(name))
      throw new Error(`${name}: data must be JSON (opa build makes it so)`);
    if (!/(^|\/)data\.json$/.test(name)) continue;
    const document = readJson(files, name);
    if (!isObject(document)) throw new Error(`${name} is no object`);
    let place = root;
    for (const part of name.split('/').slice(0, -1)) {
      const inside = Object.hasOwn(place, part) ? place[part] : undefined;
      const next = isObject(inside) ? inside : {};
      // No name of every object's may be taken for data.
      Object.defineProperty(place, part, {
        value: next,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      place = next;
    }
    merge(place, document, name);
  }
  return root;
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>, name: string): void {
  for (const [key, value] of Object.entries(from)) {
    const there = Object.hasOwn(into, key) ? into[key] : undefined;
    if (isObject(there) && isObject(value)) merge(there, value, name);
    else if (there !== undefined) throw new Error(`${name}: "${key}" is there already`);
    else Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

function wasmOf(files: ReadonlyMap<string, Buffer>, manifest: Manifest, entrypoint: string): Buffer {
  const resolvers = (Array.isArray(manifest.wasm) ? manifest.wasm : []).filter(isObject);
  if (resolvers.length === 0) throw new Error('it holds no WebAssembly: build it with -t wasm');
  const found = resolvers.find((one) => one['entrypoint'] === entrypoint);
  if (found === undefined) {
    const others = resolvers.map((one) => String(one['entrypoint'])).join(', ');
    throw new Error(`it was not built with -e ${entrypoint} (only ${others})`);
  }
  const module = plainName(String(found['module']));
  const bytes = files.get(module);
  if (bytes === undefined) throw new Error(`${module} is missing`);
  return bytes;
}

/** The bundle; or POLICY_BUNDLE_INVALID or POLICY_BUNDLE_UNTRUSTED. Its signature is checked before anything in it is used. */
export async function readBundle(
  packed: Buffer,
  config: BundleConfig,
): Promise<
  { readonly ok: true; readonly bundle: Bundle } | { readonly ok: false; readonly error: CountersignError }
> {
  const { place } = config;
  try {
    const files = await unpack(packed, config.bundleBytesMax);
    if (config.verifier !== null) {
      const reason = await whyUntrusted(files, config.verifier);
      if (reason !== undefined)
        return { ok: false, error: policyError('POLICY_BUNDLE_UNTRUSTED', { place, reason }) };
    }
    const read = readJson(files, '.manifest');
    const manifest: Manifest = isObject(read) ? read : {};
    const bytes = wasmOf(files, manifest, config.entrypoint);
    // What is compiled may be of another length than its buffer.
    const wasm = await compileWasm(new Uint8Array(bytes));
    const revision = typeof manifest.revision === 'string' ? manifest.revision : '';
    return { ok: true, bundle: { revision, wasm, data: readData(files) } };
  } catch (cause) {
    if (isCountersignError(cause)) return { ok: false, error: cause };
    const reason = (cause as Error).message.slice(0, 300);
    return { ok: false, error: policyError('POLICY_BUNDLE_INVALID', { place, reason }, cause) };
  }
}
