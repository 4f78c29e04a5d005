/** Runs planned commands by OpenSSH's client, over one connection through the gateway, from the source address that the plan names. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { PlannedSession } from '../plan.ts';
import type { SessionOutcome, StatementOutcome } from '../session-outcome.ts';

export interface HostGateway {
  readonly host: string;
  readonly port: number;
  readonly hostKeys: readonly string[];
  readonly connection: string;
}

/** A key of the client's; the token is bound to its fingerprint. */
export interface HostKey {
  readonly folder: string;
  readonly file: string;
  readonly fingerprint: string;
  remove(): void;
}

const LOGIN_MS = 20_000;
/** What `ssh` says when the connection is gone (ssh(1)), and what the gateway says of a denied command. */
const EXIT_LOST = 255;
const EXIT_DENIED = 126;
const OUTPUT_CHARS_MAX = 1_000_000;

export function makeHostKey(): HostKey {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-exercise-'));
  const file = join(folder, 'key');
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' });
  const fingerprint = stdout?.split(' ')[1];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (fingerprint !== undefined) return { folder, file, fingerprint, remove };
  remove();
  throw new Error('ssh-keygen is not there');
}

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function finished(child: ChildProcess): Promise<Ran> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => {
    if (out.length < OUTPUT_CHARS_MAX) out += bytes.toString('utf8');
  });
  child.stderr?.on('data', (bytes: Buffer) => {
    if (err.length < OUTPUT_CHARS_MAX) err += bytes.toString('utf8');
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ status: null, out, err: error.message }));
    child.once('close', (status) => resolve({ status, out, err }));
  });
}

/** The gateway's own words, without what the client adds. */
function words(err: string): string {
  const lines = err.split(/\r?\n/).filter((line) => line.trim() !== '');
  const ours =
    lines.find((line) => line.includes('countersign:')) ??
    lines.find((line) => /locked out|disconnect/i.test(line));
  return (ours ?? lines[0] ?? '')
    .replace(/^(?:.*?countersign: |Received disconnect from \S+ port \d+:\d+: )/, '')
    .slice(0, 300);
}

/** Runs the session; `say` hears of each command as it ends. Never throws for what the gateway or target does. */
export async function runHostSession(
  clock: Clock,
  gateway: HostGateway,
  key: HostKey,
  plan: PlannedSession,
  options: { readonly pauseMsMax: number },
  say: (outcome: StatementOutcome) => void,
): Promise<SessionOutcome> {
  const known = join(key.folder, 'known_hosts');
  const socket = join(key.folder, 'master');
  const keys = gateway.hostKeys.filter((line) => !line.startsWith('@'));
  writeFileSync(known, keys.map((line) => `[${gateway.host}]:${gateway.port} ${line}\n`).join(''));
  const settings = [
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    `BindAddress=${plan.ip}`,
    `UserKnownHostsFile=${known}`,
    'GlobalKnownHostsFile=/dev/null',
    `ControlPath=${socket}`,
  ];
  const ssh = (...args: string[]): ChildProcess =>
    spawn(
      'ssh',
      ['-F', '/dev/null', '-i', key.file, '-p', String(gateway.port), '-l', gateway.connection]
        .concat(settings.flatMap((setting) => ['-o', setting]))
        .concat(args),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
  const master = ssh('-M', '-N', gateway.host);
  let endedAt: number | null = null;
  let endMessage: string | null = null;
  const ended = finished(master).then(({ err }) => {
    endedAt ??= clock.now();
    endMessage ??= words(err);
  });
  const isOpen = async (): Promise<boolean> =>
    (await finished(ssh('-O', 'check', gateway.host))).status === 0;
  const deadline = clock.monotonicUs() + LOGIN_MS * 1000;
  while (endedAt === null && !(await isOpen()) && clock.monotonicUs() < deadline) await clock.sleep(50);
  if (endedAt !== null)
    return { refused: endMessage ?? 'the login failed', statements: [], endedAt, endMessage };
  const statements: StatementOutcome[] = [];
  for (const { sql, afterMs } of plan.statements) {
    await clock.sleep(Math.min(afterMs, options.pauseMsMax));
    const startedAt = clock.now();
    // Without the master `ssh` would log in anew.
    const ran: Ran | undefined =
      endedAt === null ? await finished(ssh('-o', 'ControlMaster=no', gateway.host, sql)) : undefined;
    const outcome = outcomeOf(sql, startedAt, clock.now(), ran, endedAt !== null);
    statements.push(outcome);
    say(outcome);
    if (outcome.state === 'ended') await ended;
  }
  const closedByGateway = endedAt;
  master.kill();
  await ended;
  return {
    refused: null,
    statements,
    endedAt: closedByGateway,
    endMessage: closedByGateway === null ? null : endMessage,
  };
}

function outcomeOf(
  sql: string,
  startedAt: number,
  endedAt: number,
  ran: Ran | undefined,
  isOver: boolean,
): StatementOutcome {
  const times = { sql, startedAt, endedAt };
  if (ran === undefined) return { ...times, state: 'never_sent', rows: 0, message: 'the session was over' };
  const message = words(ran.err);
  const lines = ran.out === '' ? 0 : ran.out.split('\n').length - 1;
  if (ran.status === EXIT_DENIED && ran.err.includes('denied by policy'))
    return { ...times, state: 'denied', rows: 0, message };
  if (ran.status === EXIT_LOST || ran.status === null || isOver)
    return { ...times, state: 'ended', rows: lines, message };
  return ran.status === 0
    ? { ...times, state: 'ran', rows: lines, message: '' }
    : { ...times, state: 'failed', rows: lines, message: message || `exit status ${ran.status}` };
}
