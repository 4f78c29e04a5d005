/** What somebody found who attacked exec-only connections on purpose; each was let through once. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before, describe, it } from 'node:test';
import type { CommandAnalyser, CommandAnalysis } from '../../analysis.ts';
import { createCommandAnalyser } from '../../shell/analyse-command.ts';
import { checkCommandLists } from '../check.ts';

const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();

describe('ssh commands: exec-only under attack', () => {
  let commands: CommandAnalyser;
  before(async () => {
    commands = await createCommandAnalyser();
  });
  const analyse = (line: string, allow: readonly string[]): CommandAnalysis =>
    commands.analyse(line, { kind: 'exec', lists: { allow }, execOnly: true, hmac });
  const refused = (line: string, allow: readonly string[]): string | undefined =>
    analyse(line, allow).forcedDenial?.reason;

  it('what is piped into a program that takes commands', () => {
    const list = [
      'echo',
      'cat {path}',
      'sqlite3 /srv/app.db',
      'mysql shop',
      'at now',
      'dc',
      'psql -d shop <stdin>',
    ];
    for (const line of [
      'echo .shell id | sqlite3 /srv/app.db',
      'echo "system id" | mysql shop',
      'echo id | at now',
      'cat /srv/uploads/x | mysql shop',
      'true; cat /srv/uploads/x | sqlite3 /srv/app.db',
    ])
      assert.ok(refused(line, list) !== undefined, line);
    assert.match(refused('echo id | at now', list)!, /may run what is piped into it/);
    assert.equal(refused('echo "select 1" | psql -d shop', list), undefined, 'where the list says so');
  });

  it('what the client sends to one', () => {
    for (const line of ['mysql shop', 'echo a && mysql shop', 'mysql shop; echo a'])
      assert.equal(analyse(line, ['mysql shop', 'echo']).withoutInput, true, line);
    assert.equal(analyse('mysql shop', ['mysql shop <stdin>']).withoutInput, undefined);
    assert.equal(analyse('cat /etc/hosts', ['cat {path}']).withoutInput, undefined);
    const transfer = analyse('rsync --server -ogDtpre.iLsfxCIvu . /srv/www/', ['@rsync-write /srv/www/**']);
    assert.deepEqual([transfer.forcedDenial, transfer.withoutInput], [undefined, undefined]);
  });

  it('readers that run a program when told to', () => {
    // rg --pre PROGRAM, ag --pager PROGRAM, pidstat -e PROGRAM, tree -o FILE, sar -o FILE.
    for (const program of [
      'rg',
      'ag',
      'ack',
      'pidstat',
      'tree',
      'sar',
      'nvidia-smi',
      'zgrep',
      'clang-15',
      'pip3.11',
      'gcc-12',
    ])
      for (const pattern of [program, `${program} **`, `${program} {path}`])
        assert.equal(checkCommandLists({ allow: [pattern] }, true).length, 1, pattern);
  });

  it('another folder first, where arguments are names in it', () => {
    assert.equal(checkCommandLists({ allow: ['cd {path}', 'make deploy'] }, true).length, 1);
    assert.ok(refused('cd /srv/uploads && make deploy', ['cd', 'make deploy']) !== undefined);
    assert.equal(refused('cd /srv/app && make deploy', ['cd /srv/app', 'make deploy']), undefined);
  });

  it('folders that clients write and the list runs from', () => {
    for (const allow of [
      ['@rsync-write /srv/app/**', '/srv/app/deploy.sh'],
      ['@scp-write /srv/**', 'sh /srv/app/deploy.sh'],
      ['@scp-write /srv/git/**', '@git-write /srv/git/**'],
      ['@rsync-write /srv/git/mirror/**', '@git-read /srv/git/**'],
      ['@scp-write /srv/app', 'sudo /srv/app/restart'],
      ['@rsync-write /srv/app/**', 'git -C /srv/app status'],
      ['@rsync-write /home/deploy/**'],
      ['@scp-write /etc/app/**'],
      ['@scp-write /**'],
      ['@rsync-write /var/spool/cron/**'],
    ])
      assert.ok(checkCommandLists({ allow }, true).length > 0, allow.join(' + '));
    for (const allow of [
      ['@rsync-write /srv/www/**', '/srv/app/deploy.sh', 'systemctl reload nginx'],
      ['@git-write /srv/git/**', '@scp-write /srv/www/**', 'cat {path}'],
    ])
      assert.deepEqual(checkCommandLists({ allow }, true), [], allow.join(' + '));
  });

  it('quotes, expansions, redirections, comments, other shells: nothing but plain words', () => {
    const list = ['ls', 'cat {path}', 'echo', 'grep'];
    for (const line of [
      'ls;id',
      'ls\nid',
      'ls\rid',
      'ls & id',
      'ls `id`',
      'ls $(id)',
      'ls ${IFS}x',
      'ls {a,b}',
      'ls ~root',
      'ls =id',
      'ls <(id)',
      'ls > /srv/x',
      'ls >| /srv/x',
      'ls 3>/dev/null',
      'ls # id',
      'ls !id',
      'ls "a$(id)"',
      'ls "a`id`"',
      "ls $'a'",
      'ls $"a"',
      'ls \\',
      'l\\s',
      'LS_COLORS=x ls',
      'env ls',
      'command ls',
      'exec ls',
      '. /srv/x',
      '\u00a0id',
      'ls\u2028id',
      'ls ; ; id',
      'ls || || id',
      'ls |& id',
      'cat /srv/../etc/shadow',
      'cat -- /etc/hosts',
      "'ls\n'",
      '"ls" "!!"',
      'LS',
      '/bin/ls',
      '../ls',
      'ls\0id',
      "ls 'a\nid'",
      'ls "a\\" ; id "b"',
    ])
      assert.ok(refused(line, list) !== undefined, JSON.stringify(line));
  });
});
