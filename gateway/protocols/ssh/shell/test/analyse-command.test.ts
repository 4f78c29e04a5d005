import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { AnalyseOptions, CommandAnalyser, CommandAnalysis } from '../../analysis.ts';
import { createCommandAnalyser } from '../analyse-command.ts';
import { isIncomplete } from '../is-incomplete.ts';
import { LINES, SECRET_LINES } from './lines.ts';

const hmac = (secret: string): Buffer => createHmac('sha256', 'key').update(secret).digest();

describe('ssh shell: command lines', () => {
  let commands: CommandAnalyser;
  before(async () => {
    commands = await createCommandAnalyser();
  });
  const analyse = (line: string, more: Partial<AnalyseOptions> = {}): CommandAnalysis =>
    commands.analyse(line, { kind: 'exec', lists: {}, execOnly: false, hmac, ...more });
  const steps = ({ actions }: CommandAnalysis): string[] =>
    actions.map(
      ({ action, objectKind, object, whole }) =>
        `${action} ${objectKind ?? '-'} ${object ?? '-'}${whole ? ' whole' : ''}`,
    );

  for (const { line, does = [], programs, risk, opaque } of LINES)
    it(JSON.stringify(line.slice(0, 80)), () => {
      const found = analyse(line);
      for (const step of does)
        assert.ok(steps(found).includes(step), `${step} in ${steps(found).join('; ')}`);
      if (programs !== undefined) assert.deepEqual(found.programs, programs);
      if (risk !== undefined) assert.equal(found.risk, risk, steps(found).join('; '));
      if (opaque === null) assert.equal(found.opaque, null);
      else if (opaque !== undefined) assert.ok(found.opaque?.startsWith(opaque), String(found.opaque));
      if (opaque !== undefined)
        assert.equal(
          found.actions.some(({ action }) => action === 'opaque_code'),
          opaque !== null,
        );
    });

  it('secrets are lifted from text, actions and reasons, and known again by their digest', () => {
    for (const line of SECRET_LINES) {
      const found = analyse(line, { lists: { allow: ['ls'], deny: ['rm'] } });
      assert.ok(!JSON.stringify(found).includes('hunter2'), `${line}: ${JSON.stringify(found)}`);
      assert.match(found.text, /hmac:[0-9a-f]{12}/, line);
    }
    const same = SECRET_LINES.slice(0, 2).map((line) => /hmac:\w+/.exec(analyse(line).text)?.[0]);
    assert.equal(same[0], same[1]);
  });

  it('what is no secret stays', () => {
    for (const line of [
      'ls token',
      'cat secrets.txt',
      'grep password /etc/ssh/sshd_config',
      'mysql -p -u root',
      'kubectl get secret',
      'passwd bob',
      'curl https://example.com/a?page=2',
      'mkdir -p /srv/a',
      "echo 'password: '; rm -rf /srv/x; echo 'done'",
      'tool --password-file /x',
      'echo "token: " && id && echo "x"',
    ])
      assert.doesNotMatch(analyse(line).text, /hmac:/, line);
  });

  it('the fingerprint is of the shape: options in any order, free operands', () => {
    const print = (line: string): string | null => analyse(line).fingerprint;
    assert.equal(print('tar -xzf a.tgz'), print('tar -z -x -f b.tgz'));
    assert.equal(print('cat /a'), print("cat '/b'"));
    assert.notEqual(print('cat /a'), print('cat /a /b'));
    assert.notEqual(print('git push'), print('git pull'));
    assert.notEqual(print('sudo rm x'), print('rm x'));
    assert.equal(print(''), null);
  });

  it('typed lines: what goes on is not opaque, what history gives is, a shell is what it is', () => {
    const typed = (line: string): CommandAnalysis => analyse(line, { kind: 'line' });
    for (const line of [
      'for i in 1; do',
      'echo "a',
      'cat <<E',
      'rm \\',
      'bash',
      'python3',
      'sudo -i',
      'vim x',
    ])
      assert.equal(typed(line).opaque, null, line);
    assert.deepEqual(typed('rm \\').programs, ['rm']);
    for (const line of ['!!', '!rm', 'sudo !!', '^a^b^']) assert.notEqual(typed(line).opaque, null, line);
    for (const line of ["echo 'a!b'", 'test ! -f x', '[ a != b ]', 'echo $!'])
      assert.equal(typed(line).opaque, null, line);
  });

  it('knows when a shell would ask for more', () => {
    for (const text of [
      'echo "',
      "echo '",
      'if true',
      'for i in a; do',
      'cat <<E\nx',
      'a \\',
      'a |',
      'a &&',
      'f() {',
      'echo $(',
      '( ls',
    ])
      assert.ok(isIncomplete(text), text);
    for (const text of ['ls', 'if true; then ls; fi', 'cat <<E\nx\nE', 'a \\\\', 'a )', 'echo "a"'])
      assert.ok(!isIncomplete(text), text);
  });

  it('anything may come: it never throws, and says the same again', () => {
    const word = fc.constantFrom(
      'rm',
      "'",
      '"',
      '$(',
      ')',
      '`',
      '|',
      ';',
      '&&',
      '\n',
      '<<E',
      '{',
      '}',
      '$x',
      '${a:-',
      '[[',
      ']]',
      '((',
      '))',
      'if',
      'then',
      'fi',
      'do',
      'done',
      '\\',
      '<(',
      '>',
      'sh -c',
      '*',
      '\0',
      '\r',
      '\u202e',
      'a=',
      '#',
      '!',
      '-x',
      '--',
      '<<<',
      '&>',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
          fc.string({ maxLength: 200, unit: 'binary' }),
          fc.array(word, { maxLength: 40 }).map((words) => words.join('')),
        ),
        fc.constantFrom('exec' as const, 'line' as const),
        (line, kind) => {
          const lists = { allow: ['ls'], deny: ['rm *'] };
          const first = analyse(line, { kind, lists });
          assert.deepEqual(analyse(line, { kind, lists }), first);
          if (first.opaque !== null) assert.ok(first.actions.some(({ action }) => action === 'opaque_code'));
          // An exec-only connection lets through what is plain and allowed, no more.
          const only = analyse(line, { kind: 'exec', lists: { allow: ['ls'] }, execOnly: true });
          if (only.forcedDenial === undefined) assert.match(line, /^[\s;|&]*ls\b/);
        },
      ),
      { seed: 3, numRuns: 3000 },
    );
  });
});
