import assert from 'node:assert/strict';
import { describe, it, before } from 'node:test';
import { createHmac } from 'node:crypto';
import type { CommandAnalyser, CommandAnalysis } from '../../analysis.ts';
import { createCommandAnalyser } from '../../shell/analyse-command.ts';
import { ALLOW, BYPASSES, DENY } from './bypasses.ts';
import { createOracle } from './oracle.ts';
import { RUNNER_LINES } from './runners.ts';

const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();
const DENIED = { deny: DENY };
const LISTED = { allow: ALLOW, deny: DENY };
const ALLOWED = { allow: ALLOW };

describe('ssh commands: bypasses', () => {
  let commands: CommandAnalyser;
  before(async () => {
    commands = await createCommandAnalyser();
  });
  const analyse = (line: string, lists: object, execOnly: boolean): CommandAnalysis =>
    commands.analyse(line, { kind: 'exec', lists, execOnly, hmac });

  it('has more than eighty, of which a gateway that looks at the first word or the text lets each through', () => {
    assert.ok(BYPASSES.length >= 80, String(BYPASSES.length));
    for (const { name, line, naive } of BYPASSES) {
      if (naive !== 'text') assert.notEqual(line.split(/\s/)[0], 'canary', name);
      if (naive !== 'first word') assert.ok(!/\bcanary\b/.test(line) || !line.startsWith('canary'), name);
    }
  });

  it('most of them do run the denied program in a real shell', (t) => {
    const oracle = createOracle();
    try {
      assert.deepEqual(oracle.run(['ls', 'echo canary x', "echo 'canary x'", 'ls # canary x', 'canary x']), [
        false,
        false,
        false,
        false,
        true,
      ]);
      const ran = oracle.run(BYPASSES.map(({ line }) => line));
      const dead = BYPASSES.filter((_, at) => !ran[at]).map(({ name }) => name);
      t.diagnostic(
        `${BYPASSES.length - dead.length} of ${BYPASSES.length} run it here; not: ${dead.join(', ')}`,
      );
      assert.ok(dead.length < BYPASSES.length / 5, dead.join(', '));
    } finally {
      oracle.close();
    }
  });

  for (const { name, line } of BYPASSES) {
    it(`${name}: refused by a deny list, an allow list and exec-only`, () => {
      assert.ok(analyse(line, DENIED, false).forcedDenial !== undefined, `deny list: ${line}`);
      assert.ok(analyse(line, ALLOWED, false).forcedDenial !== undefined, `allow list: ${line}`);
      assert.ok(analyse(line, LISTED, true).forcedDenial !== undefined, `exec-only: ${line}`);
      assert.ok(analyse(line, ALLOWED, true).forcedDenial !== undefined, `exec-only without deny: ${line}`);
    });
  }

  it('programs that run what they are told to: refused by all lists', () => {
    const modes = [
      { what: 'deny list', lists: DENIED, execOnly: false },
      { what: 'allow list', lists: ALLOWED, execOnly: false },
      { what: 'exec-only', lists: LISTED, execOnly: true },
    ];
    const passed = RUNNER_LINES.flatMap((line) =>
      modes
        .filter(({ lists, execOnly }) => analyse(line, lists, execOnly).forcedDenial === undefined)
        .map(({ what }) => `${what}: ${line}`),
    );
    assert.ok(RUNNER_LINES.length > 100);
    assert.deepEqual(passed, []);
  });

  it('what the lists allow passes in all modes', () => {
    for (const line of [
      'ls -la /var',
      "grep 'two words' /etc/hosts",
      'cat /etc/hosts | wc -l',
      'ls; echo done && true',
      'ls /none 2>/dev/null || echo "not there"',
      'sudo /usr/bin/id',
      'find /etc -name x',
      'tar tf /srv/a.tar',
    ]) {
      assert.equal(analyse(line, DENIED, false).forcedDenial, undefined, line);
      assert.equal(analyse(line, LISTED, false).forcedDenial, undefined, line);
      assert.equal(analyse(line, LISTED, true).forcedDenial, undefined, line);
    }
  });

  it('exec-only takes no other arguments of programs that run others, whatever else they are', () => {
    for (const line of [
      'find /etc -name y',
      'find /etc -name x -delete',
      'git status --help',
      'sudo /usr/bin/id -u',
      'sudo id',
      'sed -n 1p /etc/shadow',
      'tar tf /srv/b.tar',
      '/usr/bin/ls',
      './ls',
      'ls > out',
      'ls *',
      'ls $HOME',
      'ls ~',
      'echo "$(ls)"',
      'ls &',
      'LS=1 ls',
      '(ls)',
      'ls\\',
      'ls #',
      'uptime',
    ])
      assert.ok(analyse(line, LISTED, true).forcedDenial !== undefined, line);
  });
});
