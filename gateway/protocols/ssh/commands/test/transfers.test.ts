import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before, describe, it } from 'node:test';
import type { CommandAnalyser } from '../../analysis.ts';
import { createCommandAnalyser } from '../../shell/analyse-command.ts';
import { checkCommandLists } from '../check.ts';
import { matchesWord, readPattern } from '../pattern.ts';
import { readPlainLine } from '../plain-line.ts';
import { matchesFolder } from '../transfers.ts';

const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();

describe('ssh commands: lists', () => {
  let commands: CommandAnalyser;
  before(async () => {
    commands = await createCommandAnalyser();
  });
  const passes = (
    line: string,
    allow: readonly string[],
    more: { deny?: readonly string[]; execOnly?: boolean } = {},
  ): boolean =>
    commands.analyse(line, {
      kind: 'exec',
      lists: { allow, ...(more.deny === undefined ? {} : { deny: more.deny }) },
      execOnly: more.execOnly ?? true,
      hmac,
    }).forcedDenial === undefined;

  it('far sides of transfers as real clients start them', () => {
    const write = ['@rsync-write /srv/www/**'];
    const read = ['@rsync-read /srv/www/**'];
    // rsync 3.2 and 3.4 with -a --safe-links, -avz --no-links --delete, --partial --numeric-ids.
    for (const line of [
      'rsync --server -logDtpre.iLsfxCIvu --safe-links . /srv/www/',
      'rsync --server -vogDtprze.iLsfxCIvu --delete . /srv/www/site',
      'rsync --server -ogDtpre.iLsfxCIvu --partial --numeric-ids . /srv/www',
    ])
      assert.ok(passes(line, write), line);
    assert.ok(passes('rsync --server --sender -logDtpre.iLsfxCIvu . /srv/www/a /srv/www/b', read));
    for (const line of [
      // Links that a push leaves lead the next one out of the folder.
      'rsync --server -logDtpre.iLsfxCIvu . /srv/www/',
      'rsync --server -KogDtpre.iLsfxCIvu . /srv/www/',
      'rsync --server -RogDtpre.iLsfxCIvu . /srv/www/',
      'rsync --server -ogDtpre.iLsfxCIvu . /etc/',
      'rsync --server -ogDtpre.iLsfxCIvu . /srv/www/../../etc',
      'rsync --server --sender -logDtpre.iLsfxCIvu . /srv/www/',
      'rsync --server -e sh . /srv/www/',
      'rsync --server -e.iLsfxCIvu --log-file=/srv/www/x . /srv/www/',
      'rsync --server --daemon . /srv/www/',
      'rsync --daemon',
      'rsync -e id --server . /srv/www',
      'rsync --server -ogDtpre.iLsfxCIvu --temp-dir=/etc . /srv/www',
      'rsync --server -ogDtpre.iLsfxCIvu . /srv/www/ /etc',
    ])
      assert.ok(!passes(line, write), line);
    assert.ok(!passes('rsync --server --sender --remove-source-files -logDtpre.iLsfxCIvu . /srv/www/', read));
    assert.ok(passes('scp -t /srv/up', ['@scp-write /srv/**']));
    assert.ok(passes('scp -r -p -t -- /srv/up', ['@scp-write /srv/**']));
    assert.ok(passes('scp -f /srv/up', ['@scp-read /srv/**']));
    for (const line of [
      'scp -f /srv/up',
      'scp -t /etc/x',
      'scp -S id -t /srv/up',
      'scp -oProxyCommand=id -t /srv/up',
      'scp a b',
    ])
      assert.ok(!passes(line, ['@scp-write /srv/**']), line);
    assert.ok(passes("git-upload-pack '/srv/git/a.git'", ['@git-read /srv/git/**']));
    assert.ok(passes("git-receive-pack '/srv/git/a.git'", ['@git-write /srv/git/**']));
    for (const line of [
      "git-receive-pack '/srv/git/a.git'",
      "git-upload-pack '/etc'",
      'git-upload-pack --exec=id /srv/git/a',
      'git-shell -c id',
    ])
      assert.ok(!passes(line, ['@git-read /srv/git/**']), line);
  });

  it('programs that run others need all of their arguments in the list', () => {
    const wrong = checkCommandLists(
      {
        allow: [
          'find',
          'find **',
          'awk {path}',
          'sudo systemctl restart *',
          'vim',
          '/usr/bin/env',
          'python3.11 {path}',
          '*',
          '@rsync-write',
          '@nothing /x',
          "bad 'quote",
        ],
        deny: [],
      },
      true,
    );
    assert.equal(wrong.length, 12 - 1 + 1, wrong.join('\n'));
    assert.deepEqual(
      checkCommandLists(
        { allow: ['uptime', 'cat {path}', 'sudo /usr/bin/id', 'find /etc -name x', '@scp-read /srv/**'] },
        true,
      ),
      [],
    );
    assert.deepEqual(checkCommandLists({ allow: ['find', 'sudo'] }, false), []);
    // Such a pattern lets nothing through even where nobody checked it.
    assert.ok(!passes('find / -name x', ['find']));
    assert.ok(!passes('find / -exec id', ['find **']));
  });

  it('patterns', () => {
    assert.ok(passes('cat /srv/a', ['cat {path}']));
    for (const line of ['cat -n', 'cat /srv/../etc/x', 'cat a b', 'cat'])
      assert.ok(!passes(line, ['cat {path}']), line);
    assert.ok(passes('ls -la "a b"', ['ls']) && passes('ls', ['ls']) && !passes('/bin/ls', ['ls']));
    assert.ok(
      passes('tail -n 5 x.log', ['tail -n {number} *.log']) &&
        !passes('tail -n x x.log', ['tail -n {number} *.log']),
    );
    assert.ok(matchesWord('a*c*e', 'abcde') && !matchesWord('a*c*e', 'abcd') && !matchesWord('a*a', 'a'));
    assert.equal(readPattern("a 'b"), undefined);
    assert.deepEqual(readPattern("a 'b c' **")?.args, ['b c']);
    assert.ok(
      matchesFolder('/srv/*/x', '/srv/a/x') &&
        !matchesFolder('/srv/*/x', '/srv/a/b/x') &&
        matchesFolder('/srv/**', '/srv') &&
        !matchesFolder('/srv/**', '/srvx'),
    );
  });

  it('deny lists see words in any order and options bundled', () => {
    const denied = (line: string): boolean =>
      !passes(line, [], { deny: ['rm -rf', 'systemctl stop'], execOnly: false });
    const open = (line: string): boolean =>
      commands.analyse(line, {
        kind: 'exec',
        lists: { deny: ['rm -rf', 'systemctl stop'] },
        execOnly: false,
        hmac,
      }).forcedDenial === undefined;
    for (const line of [
      'rm -rf x',
      'rm -fr x',
      'rm -r -f x',
      'rm --recursive --force x',
      'rm x -f -R',
      'rm $x',
      'systemctl --now stop nginx',
      'RM -rf x',
    ])
      assert.ok(denied(line) && !open(line), line);
    for (const line of ['rm x', 'rm -r x', 'systemctl start nginx']) assert.ok(open(line), line);
  });

  it('what an allow list names word by word may be opaque', () => {
    assert.ok(passes('python3 -c "print(1)"', ['python3 -c "print(1)"'], { execOnly: false }));
    assert.ok(!passes('python3 -c "print(2)"', ['python3 -c "print(1)"'], { execOnly: false }));
    assert.ok(passes('python3 -c print', ['python3 -c print']));
  });

  it('the plain language has no second meaning', () => {
    for (const line of [
      'ls \'a b\' | wc -l; true && echo "x y" || ls',
      'ls 2>&1 >/dev/null',
      'cat </dev/null',
    ])
      assert.ok('commands' in readPlainLine(line), line);
    for (const line of [
      'ls *',
      'ls $x',
      'ls `x`',
      'ls ~',
      'ls =x',
      'ls {a,b}',
      'ls \\a',
      'ls "$x"',
      'ls "a`b`"',
      "ls 'a!b'",
      'ls & ls',
      'ls\nls',
      'ls > x',
      'ls 2> x',
      '< x ls',
      'a=1 ls',
      'ls ;; ls',
      'ls |& ls',
      '| ls',
      'ls |',
      '',
      ';',
      'ls (x)',
      'ls #x',
      'ls [a]',
      'ls ?',
      'ls ^a',
      'ls\r',
      'ls é',
      "ls 'é",
    ])
      assert.ok('refused' in readPlainLine(line), line);
  });
});
