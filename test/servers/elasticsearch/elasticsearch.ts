/**
 * A real Elasticsearch for tests: a fresh one on free ports of the loopback, in a folder of its own that goes with it. By hand:
 * elasticsearch.sh start (its head tells the settings).
 */
import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { makeLoopbackCertificate } from '../../../main/tls.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';

export const ELASTICSEARCH_VERSIONS = { '9.5': '9.5.3', '8.19': '8.19.21' } as const;

export interface ElasticsearchOptions {
  /** 9.5 where absent. */
  readonly version?: keyof typeof ELASTICSEARCH_VERSIONS;
  /** Security on, user `elastic` with this password. */
  readonly password?: string;
  /** https with a certificate of its own; with `password` only. */
  readonly tls?: boolean;
  /** The stand-in for `GET /`, _data_stream, _ilm/policy, _delete_by_query and what API keys need; 9.5 only. */
  readonly gap?: boolean;
  /** For benches: slower to start, faster after it, and with a larger heap. */
  readonly steady?: boolean;
  /** More lines for elasticsearch.yml. */
  readonly settings?: readonly string[];
}

export interface TestElasticsearch {
  /** Such as http://127.0.0.1:19233. */
  readonly url: string;
  readonly port: number;
  readonly version: string;
  /** PEM of the authority of its certificate; with `tls`. */
  readonly caFile?: string;
  readonly logFolder: string;
  pid(): number;
  /** Asks it over HTTP as `elastic`; rejects for a status of 400 or more unless that is allowed. */
  request(
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly fails?: boolean },
  ): Promise<Record<string, never>>;
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>;
  /** Starts it again on its ports and data; stops it first where it runs. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT: a server that hangs. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const SCRIPT = join(import.meta.dirname, 'elasticsearch.sh');
const clock = createSystemClock();

/** Runs the script; rejects with what it said. */
function run(command: string, environment: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [SCRIPT, command], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    child.once('error', reject);
    // 'exit' and not 'close': the server holds what it inherited.
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`elasticsearch.sh ${command}: ${said.trim()}`)),
    );
  });
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function makeTls(folder: string): Promise<{ folder: string; caFile: string }> {
  const { certificatePem, privateKeyPem } = await makeLoopbackCertificate(clock.now());
  writeFileSync(join(folder, 'tls.crt'), certificatePem);
  writeFileSync(join(folder, 'tls.key'), privateKeyPem, { mode: 0o600 });
  return { folder, caFile: join(folder, 'tls.crt') };
}

function ask(
  url: string,
  method: string,
  body: unknown,
  password: string | undefined,
  caFile: string | undefined,
): Promise<{ status: number; text: string }> {
  const options = {
    method,
    headers: { 'content-type': 'application/json' },
    agent: false as const,
    ...(password === undefined ? {} : { auth: `elastic:${password}` }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  };
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? https : http).request(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Starts a server: 12 s warm, up to minutes on a busy machine or when it has to be fetched. Call `stop()` in `after`. */
export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<TestElasticsearch> {
  const version = ELASTICSEARCH_VERSIONS[options.version ?? '9.5'];
  const folder = mkdtempSync(join(tmpdir(), 'countersign-elasticsearch-'));
  const tlsFolder = options.tls === true ? mkdtempSync(join(tmpdir(), 'countersign-tls-')) : undefined;
  const tls = tlsFolder === undefined ? undefined : await makeTls(tlsFolder);
  const [port, transportPort] = (await freePorts(2)) as [number, number];
  const environment = {
    ES_VERSION: version,
    ES_PORT: String(port),
    ES_TRANSPORT_PORT: String(transportPort),
    ES_DATA: folder,
    ES_GAP: options.gap === true ? '1' : '0',
    ...(options.steady === true ? { ES_JIT: process.env['ES_JIT'] ?? 'full', ES_HEAP: '1g' } : {}),
    ES_PASSWORD: options.password ?? '',
    ES_TLS: tls?.folder ?? '',
    ES_SETTINGS: (options.settings ?? []).join('\n'),
  };
  const pid = (): number => Number(readFileSync(join(folder, 'es.pid'), 'utf8'));
  const signal = (name: NodeJS.Signals): void => void process.kill(pid(), name);
  const remove = (): void => {
    for (const path of [folder, tlsFolder])
      if (path !== undefined) rmSync(path, { recursive: true, force: true });
  };
  try {
    await run('start', environment);
  } catch (error) {
    await run('stop', environment).catch(() => undefined);
    remove();
    throw error;
  }
  // A test file that is ended leaves no server behind.
  const endWithUs = (): void => {
    try {
      signal('SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  process.once('exit', endWithUs);
  const url = `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`;

  return {
    url,
    port,
    version,
    ...(tls === undefined ? {} : { caFile: tls.caFile }),
    logFolder: join(folder, 'logs'),
    pid,
    async request(method, path, body, { fails = false } = {}) {
      const { status, text } = await ask(`${url}/${path}`, method, body, options.password, tls?.caFile);
      if (status >= 400 && !fails) throw new Error(`${method} ${path}: ${status} ${text}`);
      return (text === '' ? {} : JSON.parse(text)) as Record<string, never>;
    },
    async kill9() {
      const process = pid();
      signal('SIGKILL');
      while (alive(process)) await clock.sleep(10);
    },
    async restart() {
      await run('stop', environment);
      await run('start', environment);
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async stop() {
      process.off('exit', endWithUs);
      await run('stop', environment);
      remove();
    },
  };
}
