/**
 * `npm run bench -- kill --protocol ssh [--kills N]`: from the call of the control API that locks an identity out to its client's socket
 * closed and to its process gone from the target, on a whole installation.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, option, percentile, round, type Bench } from './bench.ts';
import { enrolKey } from '../main/test/support/ssh-key.ts';
import { startSshStage, type SshStage } from './support/ssh-stage.ts';

const P99_MS = 25;
const POLL_MS = 1;
const DEADLINE_MS = 20_000;
/** What the login has left to do is not the kill's. */
const SETTLED_MS = 300;

export const bench: Bench = async (args) => {
  const protocol = option(args, 'protocol', 'ssh');
  if (protocol !== 'ssh') throw new Error('only --protocol ssh is measured here; PostgreSQL: bench loop');
  const kills = Number(option(args, 'kills', '50'));
  const stage = await startSshStage();
  try {
    const sockets: number[] = [];
    const processes: number[] = [];
    for (let index = 0; index < kills; index += 1) {
      const { socketMs, processMs } = await killOne(stage, index);
      sockets.push(socketMs);
      processes.push(processMs);
    }
    const figures: Record<string, number> = { kills };
    for (const [name, values] of [
      ['socket closed', sockets],
      ['process gone', processes],
    ] as const)
      for (const share of [0.5, 0.95, 0.99])
        figures[`${name} p${share * 100} ms`] = round(percentile(values, share));
    for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(24)} ${value}`);
    return {
      figures,
      goals: [
        atMost('socket closed, p99 ms', P99_MS, figures['socket closed p99 ms']!),
        atMost('process gone, p99 ms', P99_MS, figures['process gone p99 ms']!),
      ],
    };
  } finally {
    await stage.stop();
  }
};

async function killOne(stage: SshStage, index: number): Promise<{ socketMs: number; processMs: number }> {
  const { api } = stage;
  const subject = `victim-${index}`;
  const identityId = `countersign/${subject}`;
  const key = join(stage.folder, subject);
  await enrolKey(api, key, subject);
  const command = `echo $$; exec sleep ${930_000 + index}`;
  const child = spawn('ssh', ['-F', stage.config, '-o', `IdentityFile=${key}`, 'gateway', command], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = new Promise<number>((resolve) => {
    child.once('exit', () => resolve(performance.now()));
  });
  // It says its number itself: to look through all processes keeps a processor busy that the kill is to have.
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  if (!isAlive(pid)) throw new Error(`no process ${pid}`);
  await sleep(SETTLED_MS);
  const begun = performance.now();
  const call = api.send('POST', '/v1/lockouts', {
    subjectKind: 'identity',
    subject: identityId,
    reason: 'bench',
  });
  const processGone = until(() => (isAlive(pid) ? undefined : performance.now()));
  const [socketMs, processMs] = await Promise.all([gone, processGone, call]);
  return { socketMs: socketMs - begun, processMs: processMs - begun };
}

const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

async function until<T>(look: () => T | undefined): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error('waited in vain');
    await sleep(POLL_MS);
  }
}
