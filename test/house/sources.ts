/** The project's TypeScript sources with their imports, as the tests of the house rules need them. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export interface Source {
  /** Path from the project's root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** What it imports: paths from the root for our own files, else package names. */
  readonly imports: readonly { readonly own: boolean; readonly name: string; readonly typeOnly: boolean }[];
  readonly isTest: boolean;
}

export const root = resolve(import.meta.dirname, '..', '..');
const EXCLUDED = ['node_modules/**', '.node/**', 'dist/**', '.data/**', 'coverage/**'];
const IMPORT = /^\s*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|import\('([^']+)'\)/gm;

const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Comments and strings may name what the code may not use. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
}

export function readSources(): Source[] {
  return globSync('**/*.{ts,mjs}', { cwd: root, exclude: EXCLUDED })
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      const imports = [...withoutComments(text).matchAll(IMPORT)].map((match) => {
        const specifier = (match[2] ?? match[3])!;
        const own = specifier.startsWith('.');
        const name = own ? relative(root, resolve(root, dirname(path), specifier)) : packageName(specifier);
        return { own, name, typeOnly: match[1] !== undefined };
      });
      const isTest = /(^|\/)(test|bench)\//.test(path);
      return { path: path.replaceAll('\\', '/'), text, imports, isTest };
    });
}

/** First folder of a path. */
export const roomOf = (path: string): string => path.split('/')[0]!;
