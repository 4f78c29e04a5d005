#!/usr/bin/env node
// Runs Countersign on any machine that has Node and npm: brings a newer Node from npm where the one there is too old, installs the
// packages where they are missing, then hands over. Plain JavaScript on old Node's terms, since it runs before anything of ours is there.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const NODE_WANTED = [22, 18];
const NODE_BROUGHT = '24';

/** First words that are not commands of the CLI itself. */
const ENTRIES = {
  start: 'main/start.ts',
  build: 'main/build.ts',
  test: 'test/run.ts',
  bench: 'bench/run.ts',
  server: 'test/servers/run.ts',
  simulate: 'test/simulator/run.ts',
};
const INSTALL_POLL_MS = 500;
/** It takes some seconds; fetching headers from nowhere must not hold the start up. */
const BUILD_MS_MAX = 180_000;

const say = (text) => process.stderr.write(`${text}\n`);

const isNewEnough = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > NODE_WANTED[0] || (major === NODE_WANTED[0] && minor >= NODE_WANTED[1]);
};

function npm(args, nodeFolder, more = {}, timeout, output = 2) {
  const PATH = nodeFolder === undefined ? process.env.PATH : `${nodeFolder}:${process.env.PATH}`;
  const env = {
    ...process.env,
    PATH,
    npm_config_update_notifier: 'false',
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    ...more,
  };
  // A prefix of the npm that runs us must not steer the one we start.
  delete env.npm_config_prefix;
  delete env.npm_config_local_prefix;
  return (
    spawnSync('npm', args, {
      cwd: root,
      env,
      timeout,
      stdio: ['ignore', output, output],
      shell: process.platform === 'win32',
    }).status ?? 1
  );
}

function findNode() {
  if (isNewEnough(process.version)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const brought = join(root, '.node', 'node_modules', name, 'bin', 'node');
  if (!existsSync(brought)) {
    alone(() => {
      if (!existsSync(brought)) bringNode(name, brought);
    });
  }
  return brought;
}

function bringNode(name, brought) {
  say(
    `Node ${process.version} is too old (${NODE_WANTED.join('.')} or later is needed): bringing Node ${NODE_BROUGHT} from npm into .node/, once (190 MB) ...`,
  );
  const status = npm([
    'install',
    '--prefix',
    join(root, '.node'),
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--loglevel=error',
    `${name}@${NODE_BROUGHT}`,
  ]);
  if (status !== 0 || !existsSync(brought)) {
    say(
      `npm has no Node ${NODE_BROUGHT} for ${process.platform} on ${process.arch}, or could not fetch it. Install Node 24 (https://nodejs.org) and try again.`,
    );
    process.exit(1);
  }
}

/** Runs `work` while no other process of ours does: two first starts at once must not install over each other. */
function alone(work) {
  const lock = join(root, '.node', 'installing');
  mkdirSync(dirname(lock), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isRunning(lock)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!waited) say('Another process is installing; waiting for it ...');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INSTALL_POLL_MS);
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * Builds the native part of ssh2 where a C++ compiler is: without it SSH works, at a tenth of the speed (the gateway says so at its
 * start). ssh2's own install script would build it without our header, which Node 24 needs (main/native/no-cleanup-hooks.h).
 */
function buildSshCiphers(node) {
  const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
  const folder = dirname(dirname(node));
  const compiler = has('c++') || has('g++') || has('clang++');
  if (!compiler || !has('make') || !has('python3') || process.platform === 'win32') {
    say(
      'SSH will be slow: its ciphers need a C++ compiler, make and python3, which are not here (Debian: apt install build-essential python3).',
    );
    return;
  }
  const header = join(root, 'main', 'native', 'no-cleanup-hooks.h');
  const env = {
    // A Node from npm has its headers with it; others fetch them.
    ...(existsSync(join(folder, 'include', 'node', 'node.h')) ? { npm_config_nodedir: folder } : {}),
    CXXFLAGS: `${process.env.CXXFLAGS ?? ''} -include ${header}`.trim(),
  };
  const args = ['rebuild', 'ssh2', '--ignore-scripts=false', '--foreground-scripts', '--loglevel=error'];
  npm(args, dirname(node), env, BUILD_MS_MAX, 'ignore');
  const built = join(
    root,
    'node_modules',
    'ssh2',
    'lib',
    'protocol',
    'crypto',
    'build',
    'Release',
    'sshcrypto.node',
  );
  if (!existsSync(built))
    say('SSH will be slow: its ciphers could not be built (npm rebuild ssh2 says why).');
}

function isRunning(lock) {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function installPackages(node) {
  const lock = join(root, 'package-lock.json');
  if (!existsSync(lock)) return;
  const stamp = join(root, 'node_modules', '.countersign-installed');
  const digest = createHash('sha256').update(readFileSync(lock)).digest('hex');
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
  if (isInstalled()) return;
  const begun = Date.now();
  const status = alone(() => {
    if (isInstalled()) return 0;
    say('Installing the packages that package-lock.json names (about 200 MB, once) ...');
    // No package of ours needs its install script but ssh2, whose ciphers are built below; NODE_ENV=production must not leave out what tests need.
    const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'];
    const result = npm(args, dirname(node));
    if (result === 0) {
      buildSshCiphers(node);
      writeFileSync(stamp, digest);
      say(`Installed in ${Math.round((Date.now() - begun) / 1000)} s.`);
    }
    return result;
  });
  if (status !== 0) {
    say('npm could not install the packages; see its message above. Nothing else was changed.');
    process.exit(status);
  }
}

/** Commands that serve; the others are short and must not hang at their end (nodejs/node#54918: V8's background compilation). */
const SERVING = new Set(['start', 'up', 'run', 'bench', 'simulate', 'server']);

function run(node, args) {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    // Young objects in what a processor's cache holds: the data path is faster, and a gateway some 40 MB smaller.
    '--max-semi-space-size=4',
    ...(SERVING.has(process.argv[2]) ? [] : ['--single-threaded']),
  ];
  const child = spawn(node, [...flags, ...args], {
    stdio: 'inherit',
    env: { ...process.env, COUNTERSIGN_NODE: node },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the whole group by itself; sent twice it would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    if (signal !== null) process.exit(128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0));
    process.exit(code ?? 1);
  });
  child.on('error', (error) => {
    say(`Could not run ${node}: ${error.message}`);
    process.exit(1);
  });
}

const [first, ...rest] = process.argv.slice(2);
const compiled = join(root, 'dist', 'main', 'countersign.js');
const fromPackage = !existsSync(join(root, 'main', 'countersign.ts')) && existsSync(compiled);
const node = findNode();
if (fromPackage) {
  if (first === 'start') run(node, [join(root, 'dist', 'main', 'start.js'), ...rest]);
  else run(node, [compiled, ...process.argv.slice(2)]);
} else {
  installPackages(node);
  const entry = ENTRIES[first];
  if (entry === undefined) run(node, [join(root, 'main', 'countersign.ts'), ...process.argv.slice(2)]);
  else run(node, [join(root, entry), ...rest]);
}
