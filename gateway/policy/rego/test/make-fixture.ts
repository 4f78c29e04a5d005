/**
 * `node gateway/policy/rego/test/make-fixture.ts` builds policy.tar.gz from bundle/ with the real OPA (test/servers/opa.ts). It is
 * kept in the repository, so that the suites of the WebAssembly engine need no OPA; opa.test.ts holds that it is what OPA builds.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bringOpa } from '../../../../test/servers/opa.ts';

export const BUNDLE_FOLDER = join(import.meta.dirname, 'bundle');
export const FIXTURE = join(import.meta.dirname, 'policy.tar.gz');
export const ENTRYPOINTS: readonly string[] = [
  'decision',
  'loops',
  'hungry',
  'typo',
  'yes',
  'undefined_here',
  'prints',
].map((name) => `countersign/${name}`);

/** Builds the bundle; more arguments of `opa build` sign it. Throws where OPA cannot be had or refuses the source. */
export function buildBundle(file: string, more: readonly string[] = []): void {
  const opa = bringOpa();
  if (opa === undefined) throw new Error('OPA cannot be had on this machine');
  const entrypoints = ENTRYPOINTS.flatMap((name) => ['-e', name]);
  // From within: the names in the bundle are those of the folder.
  execFileSync(opa, ['build', '-t', 'wasm', '-b', '.', ...entrypoints, '-o', file, ...more], {
    cwd: BUNDLE_FOLDER,
  });
}

if (import.meta.main) buildBundle(FIXTURE);
