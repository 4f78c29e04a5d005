/** Completion scripts in the shells that read them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { start } from './support.ts';

const has = (shell: string): boolean => spawnSync(shell, ['--version'], { stdio: 'ignore' }).status === 0;
const scriptFor = async (shell: string): Promise<string> => {
  const { code, out, err } = await start(['completion', shell]).ended;
  assert.equal(code, 0, err);
  return out;
};

describe('cli: completion', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-completion-'));
  // Where there are no files that could be offered.
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  after(() => rmSync(folder, { recursive: true, force: true }));
  const fileFor = async (shell: string): Promise<string> => {
    const path = join(folder, `countersign.${shell}`);
    writeFileSync(path, await scriptFor(shell));
    return path;
  };

  it('is for shells that are known', async () => {
    const { code, err } = await start(['completion', 'tcsh']).ended;
    assert.deepEqual([code, err.split(':')[0]], [2, 'CLI_USAGE']);
  });

  describe('bash', { skip: !has('bash') && 'bash not found on this machine' }, () => {
    let script = '';
    before(async () => {
      script = await fileFor('bash');
    });
    /** What bash would offer for these words, the last of them being typed. */
    const complete = (...words: string[]): string[] => {
      const quoted = ['countersign', ...words].map((word) => `'${word}'`).join(' ');
      const { stdout, stderr, status } = spawnSync(
        'bash',
        [
          '--norc',
          '-c',
          `source ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
        { encoding: 'utf8', cwd: empty },
      );
      assert.equal(status, 0, stderr);
      assert.equal(stderr, '');
      return stdout.split('\n').filter((word) => word !== '');
    };

    it('offers commands, their commands, options and choices', () => {
      assert.deepEqual(complete('se'), ['session']);
      assert.ok(complete('').includes('exercise'));
      assert.deepEqual(complete('session', ''), ['ls', 'show', 'tail', 'kill', 'replay']);
      assert.deepEqual(complete('session', 'ls', '--li'), ['--live', '--limit']);
      assert.deepEqual(complete('session', 'kill', 'some-id', '--r'), ['--reason']);
      assert.deepEqual(complete('token', 'issue', '--kind', 'w'), ['workload']);
      assert.deepEqual(complete('lockout', 'create', 'c'), ['credential_source', 'connection']);
      assert.deepEqual(complete('completion', ''), ['bash', 'zsh', 'fish']);
      assert.deepEqual(complete('nonsense', 'more', 'xyzzy'), []);
    });
  });

  for (const shell of ['zsh', 'fish'])
    it(`parses in ${shell}`, { skip: !has(shell) && `${shell} not found on this machine` }, async () => {
      const { status, stderr } = spawnSync(shell, ['-n', await fileFor(shell)], {
        encoding: 'utf8',
      });
      assert.deepEqual([status, stderr], [0, '']);
    });

  it('gives fish every command and choice, quoted', async () => {
    const lines = (await scriptFor('fish')).trim().split('\n');
    assert.ok(lines.every((line) => line.startsWith('complete -c countersign ')));
    assert.ok(lines.some((line) => line.includes("-a session -d 'sessions: list")));
    assert.ok(lines.some((line) => line.includes("-l kind -x -a 'human service_account workload ai_agent'")));
    for (const line of lines)
      assert.equal(line.replaceAll("\\'", '').split("'").length % 2, 1, `quotes are in pairs: ${line}`);
  });
});
