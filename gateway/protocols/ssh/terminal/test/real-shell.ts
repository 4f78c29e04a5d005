/** A real shell on a pseudo terminal (util-linux's script), with the line reader between it and the keys, as a channel would have it. */
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../../../../platform/clock/system-clock.ts';
import type { CommandAnalyser, TerminalLine } from '../../analysis.ts';
import { createCommandAnalyser } from '../../shell/analyse-command.ts';
import { createTerminalLines } from '../create-terminal-lines.ts';

const WAIT_MS = 10_000;
const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();

export interface RealShell {
  /** Sends keys; lines are decided by the deny list `canary` as a channel would. */
  send(keys: string): Promise<void>;
  /** Waits until the shell has written this behind all that was waited for before. */
  until(text: string): Promise<void>;
  /** Lines that were submitted. */
  readonly lines: TerminalLine[];
  readonly denied: string[];
  /** Whether the denied program ran. */
  ran(): boolean;
  /** Makes a file in the shell's folder. */
  touch(name: string): void;
  /** The shell is gone: bash now and then takes an interrupt at its prompt for the end of its input. */
  ended(): boolean;
  /** Waits until the shell itself has been stopped. */
  untilStopped(): Promise<void>;
  close(): Promise<void>;
}

export async function startShell(
  command = 'bash --norc --noprofile -i',
  prompt = 'ready$ ',
): Promise<RealShell> {
  const home = mkdtempSync(join(tmpdir(), 'countersign-terminal-'));
  const mark = join(home, 'mark');
  mkdirSync(join(home, 'bin'));
  writeFileSync(join(home, 'bin', 'canary'), `#!/bin/sh\n: > ${mark}\necho canary-ran\n`);
  chmodSync(join(home, 'bin', 'canary'), 0o755);
  const analyser: CommandAnalyser = await createCommandAnalyser();
  const terminal = createTerminalLines(
    { clock: createSystemClock() },
    { columns: 80, rows: 24, strict: true },
  );
  const child = spawn('script', ['-qfec', `stty cols 80 rows 24; exec ${command}`, '/dev/null'], {
    cwd: home,
    env: {
      PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      TERM: 'xterm-256color',
      PS1: prompt,
      LANG: 'C.UTF-8',
      HISTFILE: '/dev/null',
    },
  });
  let seen = '';
  let wake: (() => void) | null = null;
  child.stdout.on('data', (bytes: Buffer) => {
    terminal.output(bytes);
    seen += bytes.toString('utf8');
    wake?.();
  });
  const lines: TerminalLine[] = [];
  const denied: string[] = [];
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(seen.slice(-2000))}`)),
        WAIT_MS,
      );
      wake = () => {
        const at = seen.indexOf(text);
        if (at === -1) return;
        seen = seen.slice(at + text.length);
        wake = null;
        clearTimeout(timer);
        resolve();
      };
      wake();
    });
  await until(prompt.replace(/\\.*/, ''));
  return {
    lines,
    denied,
    until,
    async send(keys) {
      for (const step of terminal.input(Buffer.from(keys, 'utf8'))) {
        if (step.kind === 'wait') {
          await step.ready((bytes) => child.stdin.write(bytes));
          continue;
        }
        if (step.kind === 'pass') {
          child.stdin.write(step.bytes);
          continue;
        }
        const line = await step.line((bytes) => child.stdin.write(bytes));
        lines.push(line);
        const decides = line.context !== 'secret' && line.context !== 'screen' && line.text.trim() !== '';
        const found = decides
          ? analyser.analyse(line.text, { kind: 'line', lists: { deny: ['canary'] }, execOnly: false, hmac })
          : undefined;
        if (found?.forcedDenial === undefined && line.unseen === undefined) child.stdin.write(step.bytes);
        else {
          denied.push(line.text);
          child.stdin.write(terminal.discard);
          await terminal.settled?.();
        }
      }
    },
    ran: () => existsSync(mark),
    ended: () => child.exitCode !== null || child.signalCode !== null,
    touch: (name) => writeFileSync(join(home, name), ''),
    async untilStopped() {
      const clock = createSystemClock();
      const deadline = clock.now() + WAIT_MS;
      const children = (of: string): string[] =>
        spawnSync('ps', ['-o', 'pid=,stat=', '--ppid', of], { encoding: 'utf8' })
          .stdout.split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== '');
      const isStopped = (of = String(child.pid)): boolean =>
        children(of).some((line) => {
          const [pid, state] = line.split(/\s+/);
          return state!.startsWith('T') || isStopped(pid);
        });
      while (!isStopped()) {
        if (clock.now() > deadline) throw new Error('the shell was not stopped');
        await clock.sleep(10);
      }
    },
    async close() {
      terminal.close();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve));
      rmSync(home, { recursive: true, force: true });
    },
  };
}
