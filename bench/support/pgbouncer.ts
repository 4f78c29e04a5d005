/** pgbouncer (Debian: pgbouncer) in front of a target, session pooling, scram on both sides: what people put there today. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint, Usage } from './gateway-process.ts';
import { freePorts } from '../../main/sample-target/free-ports.ts';

export interface Pgbouncer {
  readonly endpoint: Endpoint;
  usage(): Usage;
  stop(): Promise<void>;
}

export const hasPgbouncer = (): boolean => spawnSync('sh', ['-c', 'command -v pgbouncer']).status === 0;

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** As root it needs another user: it refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}

/** Clock ticks a second of /proc; 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

export async function startPgbouncer(
  target: Endpoint,
  poolMode: 'session' | 'transaction' = 'session',
): Promise<Pgbouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-pgbouncer-'));
  const port = (await freePorts(1))[0]!;
  const users = join(folder, 'users.txt');
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(users, `"${target.user}" "${target.password}"\n`);
  writeFileSync(
    settings,
    `[databases]
${target.database} = host=${target.host} port=${target.port} dbname=${target.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = ${poolMode}
default_pool_size = 100
max_client_conn = 500
`,
  );
  const runAs = unprivileged();
  if (runAs !== undefined)
    for (const path of [folder, users, settings]) chownSync(path, runAs.uid, runAs.gid);
  const child = spawn('pgbouncer', ['-q', settings], { stdio: 'ignore', ...runAs });
  let exited = false;
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      exited = true;
      resolve();
    }),
  );
  while (!(await answers(port))) if (exited) throw new Error('pgbouncer did not start');
  return {
    endpoint: { ...target, port },
    usage() {
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      return { cpuUs: (Number(stat[11]) + Number(stat[12])) * TICK_US, rssBytes: Number(stat[21]) * 4096 };
    },
    async stop() {
      child.kill('SIGKILL');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
