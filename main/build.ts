/** `npm run build [-- FOLDER]`: compiles the program into dist/ (or FOLDER) and copies what the compiler leaves out. */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const ROOMS = '{schemas,platform,gateway,detectors,responders,ingest,cli,main}';
/** What the program reads beside its modules: Avro schemas, rules, playbooks, the default policy, the sample's tables. */
const ASSETS = `${ROOMS}/**/*.{avsc,yml,yaml,sql,json}`;

/** Pages, which are no modules of the program. */
const PAGES = 'console/**/*.{html,css,js}';

const out = resolve(process.argv[2] ?? join(root, 'dist'));
rmSync(out, { recursive: true, force: true });
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(
  process.execPath,
  [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', out],
  { stdio: 'inherit' },
);
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
const assets = globSync([ASSETS, PAGES], { cwd: root, exclude: ['**/test/**', '**/node_modules/**'] });
for (const asset of assets) cpSync(join(root, asset), join(out, asset));
console.log(`Built ${out}, with ${assets.length} files besides the modules.`);
