/**
 * What the shipped rules and baselines make of real command lines: attackers' (a honeypot, November 2025) and users' (Purdue's histories).
 * The data does not come with the repository: COUNTERSIGN_SSH_DATA names its folder (docs/ssh-commands.md).
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CommandAnalysis } from '../../gateway/protocols/ssh/analysis.ts';
import { createCommandAnalyser } from '../../gateway/protocols/ssh/shell/analyse-command.ts';
import type { Detection } from '../../schemas/types.ts';
import { createBacktest, type Backtest } from '../backtest/backtest.ts';
import { BASELINES } from '../baselines/registry.ts';
import { EMPTY_DIRECTORY } from '../directory/directory.ts';
import { libraryFolder, loadRules } from '../rules/index.ts';
import { createRuleSet } from '../rules/sigma/rule-set.ts';
import { DETECTOR_DEFAULTS } from './support/defaults.ts';
import { hostEvent } from './support/host-events.ts';

const DATA = process.env['COUNTERSIGN_SSH_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const ATTACKERS = join(DATA, 'cowrie_samdavi', 'count_of_ssh_commands.csv');
const USERS = join(DATA, 'purdue');
const missing =
  existsSync(ATTACKERS) && existsSync(USERS)
    ? false
    : `the data is not here (${DATA}); set COUNTERSIGN_SSH_DATA`;

const START = Date.UTC(2026, 5, 1, 9);
const DAY_MS = 86_400_000;
/** Purdue's histories have no times: so many commands make a day, one each two minutes. */
const COMMANDS_A_DAY = 200;
const TWO_MINUTES_MS = 120_000;
const BLOCK = 100;

describe('detectors: real command lines of hosts', { skip: missing }, () => {
  const rules = createRuleSet();
  assert.deepEqual(rules.replace(loadRules([libraryFolder])), []);
  const fresh = (): Backtest => createBacktest(BASELINES, EMPTY_DIRECTORY, DETECTOR_DEFAULTS, rules);
  const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();
  let number = 0;
  const take = (run: Backtest, found: CommandAnalysis, time: number, who: string): Detection[] =>
    run.take(
      hostEvent({
        time,
        number: ++number,
        who,
        text: found.text,
        actions: found.actions,
        risk: found.risk,
        fingerprint: found.fingerprint,
      }),
    );

  it('attackers: lines that a rule speaks about, each alone and without any history', async (t) => {
    const commands = await createCommandAnalyser();
    const counts = new Map<string, number>();
    for (const [line, count] of readCounts(readFileSync(ATTACKERS, 'utf8')))
      counts.set(line, (counts.get(line) ?? 0) + count);
    let [lines, hitLines, events, hitEvents, opaque, looks] = [0, 0, 0, 0, 0, 0];
    let who = 0;
    for (const [line, count] of counts) {
      const found = commands.analyse(line, { kind: 'exec', lists: {}, execOnly: false, hmac });
      const hit = take(fresh(), found, START, `attacker${++who}`).some(
        ({ detectorKind }) => detectorKind === 'rule',
      );
      lines += 1;
      events += count;
      if (found.opaque !== null) opaque += 1;
      if (found.actions.some(({ action }) => action === 'discover')) looks += count;
      if (!hit) continue;
      hitLines += 1;
      hitEvents += count;
    }
    t.diagnostic(
      `${lines} different lines, ${hitLines} (${percent(hitLines, lines)}) raise a rule alone; ${events} events, ${hitEvents} (${percent(hitEvents, events)}); ${percent(looks, events)} of events only look around; ${opaque} lines are opaque`,
    );
    assert.ok(hitLines / lines > 0.1);
  });

  it('attackers: the most frequent session of the honeypot, in order', async (t) => {
    const commands = await createCommandAnalyser();
    const run = fresh();
    const session = [
      'cd ~; chattr -ia .ssh; lockr -ia .ssh',
      'cat /proc/cpuinfo | grep name | wc -l',
      "free -m | grep Mem | awk '{print $2 ,$3, $4, $5, $6, $7}'",
      'ls -lh $(which ls)',
      'which ls',
      'crontab -l',
      'w',
      'uname -m',
      'top',
      'uname -a',
      'whoami',
      'lscpu | grep Model',
      "df -h | head -n 2 | awk 'FNR == 2 {print $2;}'",
    ];
    const found = session.flatMap((line, at) =>
      take(
        run,
        commands.analyse(line, { kind: 'exec', lists: {}, execOnly: false, hmac }),
        START + at * 2000,
        'mdrfckr',
      ).map(({ detector }) => `${at}: ${detector}`),
    );
    t.diagnostic(found.join('; '));
    assert.ok(
      found.some((one) => one.includes('ssh-persistence')) &&
        found.some((one) => one.includes('ssh-attack-tool')) &&
        found.some((one) => one.includes('ssh-discovery-burst')),
    );
  });

  it('users: false alarms on their own commands, and what is found of somebody else', async (t) => {
    const commands = await createCommandAnalyser();
    const users = readdirSync(USERS)
      .filter((name) => name.startsWith('USER'))
      .map((name) => ({
        name,
        programs: readFileSync(join(USERS, name), 'utf8')
          .split('\n')
          .filter((line) => line !== ''),
      }));
    assert.ok(users.length >= 8);
    const analysed = new Map<string, CommandAnalysis>();
    const analyse = (line: string): CommandAnalysis => {
      const known =
        analysed.get(line) ?? commands.analyse(line, { kind: 'exec', lists: {}, execOnly: false, hmac });
      analysed.set(line, known);
      return known;
    };
    const timeOf = (at: number): number =>
      START + Math.floor(at / COMMANDS_A_DAY) * DAY_MS + (at % COMMANDS_A_DAY) * TWO_MINUTES_MS;
    let [own, ownFindings, ownRules, ownAsked, selfBlocks, selfHit, otherBlocks, otherHit] = [
      0, 0, 0, 0, 0, 0, 0, 0,
    ];
    for (const { name, programs } of users) {
      const run = fresh();
      const learned = Math.floor(Math.min(programs.length * 0.6, 4000));
      for (let at = 0; at < learned; at++) take(run, analyse(programs[at]!), timeOf(at), name);
      const block = (fork: Backtest, lines: readonly string[]): boolean =>
        lines
          .flatMap((line, at) =>
            take(fork, analyse(line), timeOf(learned + COMMANDS_A_DAY) + at * TWO_MINUTES_MS, name),
          )
          .some(({ detector, risk }) => detector === 'programs' && risk >= 40);
      for (
        let start = learned;
        start + BLOCK <= programs.length && start < learned + 10 * BLOCK;
        start += BLOCK
      ) {
        selfBlocks += 1;
        if (block(run.fork(), programs.slice(start, start + BLOCK))) selfHit += 1;
      }
      for (const other of users.filter((one) => one.name !== name))
        for (const start of [0, 700]) {
          otherBlocks += 1;
          if (block(run.fork(), other.programs.slice(start, start + BLOCK))) otherHit += 1;
        }
      for (let at = learned; at < Math.min(programs.length, learned + 3000); at++) {
        const found = take(run, analyse(programs[at]!), timeOf(at), name);
        own += 1;
        if (found.some(({ detector }) => detector === 'programs')) ownFindings += 1;
        if (found.some(({ detectorKind }) => detectorKind === 'rule')) ownRules += 1;
        if (found.some(({ detectorKind }) => detectorKind === 'risk')) ownAsked += 1;
      }
    }
    t.diagnostic(
      `own commands: ${own}; the baseline of programs speaks on ${ownFindings} (${percent(ownFindings, own)}), a rule on ${ownRules} (${percent(ownRules, own)}), the identity's risk reaches its level on ${ownAsked}`,
    );
    t.diagnostic(
      `blocks of ${BLOCK} commands with a finding of 40 or more: ${otherHit} of ${otherBlocks} of others (${percent(otherHit, otherBlocks)}), ${selfHit} of ${selfBlocks} of one's own (${percent(selfHit, selfBlocks)})`,
    );
    assert.ok(otherHit / otherBlocks > 2 * (selfHit / selfBlocks));
    assert.ok(ownRules / own < 0.02);
    assert.ok(ownAsked / own < 0.001);
  });
});

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/** Lines `command,time,count`; commands may be quoted, with doubled quotes and new lines in them. */
function readCounts(csv: string): (readonly [string, number])[] {
  const rows: string[][] = [];
  let [row, cell, quoted]: [string[], string, boolean] = [[], '', false];
  for (let at = 0; at < csv.length; at++) {
    const character = csv[at]!;
    if (quoted && character === '"' && csv[at + 1] === '"') cell += csv[++at]!;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === ',') {
      row.push(cell);
      cell = '';
    } else if (!quoted && character === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      [row, cell] = [[], ''];
    } else cell += character;
  }
  return rows
    .slice(1)
    .flatMap(([line, , count]) =>
      line === undefined || count === undefined ? [] : [[line, Number(count.replace(/,/g, ''))] as const],
    );
}
