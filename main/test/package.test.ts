import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';

const root = resolve(import.meta.dirname, '..', '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** The package as npm would unpack it: compiled, no sources; its dependencies beside it. */
describe('package', () => {
  let folder: string;
  const at = (...parts: string[]): string => join(folder, ...parts);
  const environment = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    COUNTERSIGN_DATA_FOLDER: at('data'),
    COUNTERSIGN_CONTROL_API__PORT: '0',
  });
  const countersign = (...words: string[]): { status: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [at('package', 'dist', 'main', 'countersign.js'), ...words],
      { encoding: 'utf8', cwd: folder, env: environment() },
    );
    return { status, out: stdout, err: stderr };
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-test-package-'));
    mkdirSync(at('package'));
    const built = spawnSync(process.execPath, [join(root, 'main', 'build.ts'), at('package', 'dist')], {
      encoding: 'utf8',
    });
    assert.equal(built.status, 0, built.stdout + built.stderr);
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'asyncapi.yaml',
    ])
      cpSync(join(root, file), at('package', file));
    cpSync(join(root, 'docs'), at('package', 'docs'), { recursive: true });
    mkdirSync(at('package', 'main'));
    cpSync(join(root, 'main', 'launch.mjs'), at('package', 'main', 'launch.mjs'));
    symlinkSync(join(root, 'node_modules'), at('package', 'node_modules'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds the program, its documents, and neither sources nor tests', () => {
    const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: at('package'),
      encoding: 'utf8',
      env: environment(),
    });
    assert.equal(packed.status, 0, packed.stderr);
    const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
    const paths = new Set(files.map(({ path }) => path));
    for (const wanted of [
      'dist/main/countersign.js',
      'dist/main/threads/detectors-thread.js',
      'dist/schemas/avro/session-event.avsc',
      'dist/gateway/policy/default-policy.yaml',
      'main/launch.mjs',
      'README.md',
      'LICENSE',
    ])
      assert.ok(paths.has(wanted), wanted);
    assert.deepEqual(
      [...paths].filter((path) => /(^|\/)(test|bench)\/|\.ts$/.test(path)),
      [],
    );
  });

  it('answers --help, --version and config check', () => {
    assert.match(countersign('--help').out, /Usage: countersign/);
    const launched = spawnSync(process.execPath, [at('package', 'main', 'launch.mjs'), '--version'], {
      encoding: 'utf8',
    });
    assert.equal(launched.stdout.trim(), version);
    assert.equal(countersign('config', 'check').status, 0);
    const file = at('wrong.yaml');
    writeFileSync(file, 'gateway:\n  nonsense: 1\n');
    const checked = countersign('config', 'check', file);
    assert.equal(checked.status, 1);
    assert.match(checked.out, /wrong\.yaml:2/);
  });

  it('has the shipped rules with their cases', () => {
    const tested = countersign('rule', 'test', 'all');
    assert.equal(tested.status, 0, tested.out + tested.err);
    assert.match(tested.out, /countersign|rule/i);
  });

  it('runs every role, and ends by a signal', async () => {
    const child = spawn(process.execPath, [at('package', 'dist', 'main', 'countersign.js'), 'up', '--json'], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const { api } = JSON.parse(await untilStarted(child)) as { api: string };
      const ready = await fetch(`${api}/readyz`);
      assert.equal(ready.status, 200, await ready.text());
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGINT');
      assert.equal(await ended, 0);
      assert.ok(existsSync(at('data')));
    } finally {
      child.kill('SIGKILL');
    }
  });
});

/** What `up --json` prints once it runs; its log goes to standard error. */
function untilStarted(child: ChildProcess): Promise<string> {
  return new Promise((found, fail) => {
    let out = '';
    let err = '';
    child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const printed = /^\{[^]*?^\}$|^\{.*"api".*\}$/m.exec(out);
      if (printed !== null) found(printed[0]);
    });
    child.once('exit', (code) => fail(new Error(`ended with ${code}: ${out}${err}`)));
  });
}
