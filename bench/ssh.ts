/**
 * `npm run bench -- ssh [--megabytes N] [--logins N] [--execs N] [--keys N]`: bulk, logins, commands on one connection and the echo of a key, by
 * OpenSSH's client: direct, through `ssh -J`, and through a whole installation with recording and policy on. In one run, in turns.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLeast, atMost, option, percentile, round, type Bench } from './bench.ts';
import { startSshStage, WAYS, type SshStage, type Way } from './support/ssh-stage.ts';

type Numbers = Record<Way, number>;
/** The three ways in turns, so that they find the same machine. */
const BULK_ROUNDS = 4;

export const bench: Bench = async (args) => {
  const megabytes = Number(option(args, 'megabytes', '256'));
  const logins = Number(option(args, 'logins', '10'));
  const execs = Number(option(args, 'execs', '20'));
  const keys = Number(option(args, 'keys', '500'));
  const stage = await startSshStage();
  try {
    const each = async (measure: (way: Way) => Promise<number>): Promise<Numbers> => ({
      direct: await measure('direct'),
      jump: await measure('jump'),
      gateway: await measure('gateway'),
    });
    // Everything warm: keys read, control login there.
    await each((way) => run(stage, [way, 'true']));
    const rounds: Numbers[] = [];
    const load = ['-c', 'aes256-gcm@openssh.com'];
    for (let turn = 0; turn < BULK_ROUNDS; turn += 1)
      rounds.push(
        await each(async (way) => {
          const seconds = await run(stage, [...load, way, `head -c ${megabytes}M /dev/zero`]);
          return megabytes / seconds;
        }),
      );
    // The first turn finds a gateway that has just started.
    const median = (values: readonly number[]): number => percentile(values, 0.5);
    const bulk: Numbers = {
      direct: median(rounds.slice(1).map(({ direct }) => direct)),
      jump: median(rounds.slice(1).map(({ jump }) => jump)),
      gateway: median(rounds.slice(1).map(({ gateway }) => gateway)),
    };
    const loginRate = await each(async (way) => {
      let seconds = 0;
      for (let index = 0; index < logins; index += 1) seconds += await run(stage, [way, 'true']);
      return logins / seconds;
    });
    const execRate = await each((way) => commands(stage, way, execs));
    const echoes = {} as Record<Way, number[]>;
    for (const way of WAYS) echoes[way] = await typeKeys(stage, way, keys);
    const p = (share: number): Numbers => ({
      direct: percentile(echoes.direct, share),
      jump: percentile(echoes.jump, share),
      gateway: percentile(echoes.gateway, share),
    });
    const figures: Record<string, number> = {};
    const rows: readonly [string, Numbers][] = [
      ['bulk MB/s', bulk],
      ['logins/s', loginRate],
      ['exec/s on one connection', execRate],
      ['echo p50 ms', p(0.5)],
      ['echo p99 ms', p(0.99)],
    ];
    for (const [name, numbers] of rows) {
      console.log(`${name.padEnd(26)} ${WAYS.map((way) => `${way} ${round(numbers[way])}`).join('   ')}`);
      for (const way of WAYS) figures[`${name} ${way}`] = round(numbers[way]);
    }
    const ratio = ({ gateway, jump }: Numbers): number => round(gateway / jump);
    return {
      figures,
      goals: [
        atLeast(
          'bulk, gateway / ssh -J',
          1.2,
          round(median(rounds.slice(1).map(({ gateway, jump }) => gateway / jump))),
        ),
        atLeast('logins, gateway / ssh -J', 1.2, ratio(loginRate)),
        atLeast('exec, gateway / ssh -J', 1, ratio(execRate)),
        atMost('echo p99, gateway / ssh -J', 1.5, ratio(p(0.99))),
      ],
    };
  } finally {
    await stage.stop();
  }
};

/** Runs ssh to its end; seconds. */
function run(stage: SshStage, args: readonly string[]): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', ['-F', stage.config, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (status) => {
      if (status === 0) resolve((performance.now() - begun) / 1000);
      else reject(new Error(`ssh ${args.join(' ')} ended with ${status}`));
    });
  });
}

/** Commands one after the other over a master connection; how many a second. */
async function commands(stage: SshStage, way: Way, count: number): Promise<number> {
  const control = ['-o', `ControlPath=${join(stage.folder, `master-${way}`)}`];
  const master = spawn('ssh', ['-F', stage.config, ...control, '-M', '-N', way], { stdio: 'ignore' });
  try {
    for (let tries = 0; tries < 200; tries += 1) {
      await sleep(50);
      const there = await run(stage, [...control, '-O', 'check', way]).catch(() => undefined);
      if (there !== undefined) break;
    }
    let seconds = 0;
    for (let index = 0; index < count; index += 1) seconds += await run(stage, [...control, way, 'true']);
    return count / seconds;
  } finally {
    master.kill();
  }
}

/** Sends one byte after the other to `cat` on a terminal in raw mode; milliseconds until each came back. */
async function typeKeys(stage: SshStage, way: Way, count: number): Promise<number[]> {
  const child = spawn('ssh', ['-F', stage.config, '-tt', way, 'stty raw -echo; printf ready; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let heard: (text: string) => void = () => undefined;
  child.stdout.on('data', (bytes: Buffer) => heard(bytes.toString()));
  const next = (): Promise<string> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  try {
    for (let text = ''; !text.includes('ready');) text += await next();
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const begun = performance.now();
      const back = next();
      child.stdin.write('k');
      await back;
      times.push(performance.now() - begun);
    }
    return times;
  } finally {
    child.kill();
  }
}
