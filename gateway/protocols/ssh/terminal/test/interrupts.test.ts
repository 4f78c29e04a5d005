/** What comes in one breath with an interrupt, or while the shell does not read: what runs is what was decided, or nothing. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { lacking } from '../../../../../test/servers/available.ts';
import { startShell, type RealShell } from './real-shell.ts';

const INTERRUPT = '\u0003';
const CTRL = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 31);
const ROUNDS = 25;
const SHELLS = [
  ['bash', 'bash --norc --noprofile -i', false],
  ['dash', 'dash -i', false],
  ['zsh', 'zsh -f -i', lacking('zsh')],
] as const;

for (const [name, command, skip] of SHELLS)
  describe(`ssh terminal: interrupts of ${name}`, { skip: lacking('sshd') || skip }, () => {
    let shell: RealShell;
    afterEach(() => shell.close());

    it('a key that the shell swallows behind an interrupt does not make another word run', async () => {
      shell = await startShell(command);
      let whole = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        // The program `Xcanary` is not denied; `canary` is.
        await shell.send(`${round % 2 === 0 ? 'half a line' : ''}${INTERRUPT}Xcanary\r`);
        const line = shell.lines.at(-1)!;
        if (line.unseen === undefined) {
          assert.equal(line.text, 'Xcanary');
          whole += 1;
        }
        await shell.send(`echo round-${round}\r`);
        await shell.until(`round-${round}\r\n`).catch((error: unknown) => {
          if (!shell.ended()) throw error;
        });
        assert.equal(shell.ran(), false);
        if (!shell.ended()) continue;
        await shell.close();
        shell = await startShell(command);
      }
      // It is no refusal of everything.
      assert.ok(whole > ROUNDS / 2, `${whole} of ${ROUNDS}`);
    });

    it('interrupts, one after the other, and a line behind them', async () => {
      shell = await startShell(command);
      await shell.send('echo sta""rted; sleep 600\r');
      await shell.until('started\r\n');
      await shell.send(`${INTERRUPT}${INTERRUPT}${INTERRUPT}`);
      await shell.send('echo alive\r');
      await shell.until('alive\r\n');
      await shell.send('canary\r');
      assert.ok(shell.denied.includes('canary'));
      assert.equal(shell.ran(), false);
    });
  });

describe('ssh terminal: a shell that does not read', { skip: lacking('sshd') }, () => {
  let shell: RealShell;
  afterEach(() => shell.close());
  /** The shell stops itself, and goes on when `go` is there. */
  const stopped = async (): Promise<void> => {
    // `script` stops with its own child.
    shell = await startShell("sh -c 'bash --norc --noprofile -i; :'");
    await shell.send(
      '(sleep 0.2; kill -STOP $$; until [ -e go ]; do sleep 0.05; done; kill -CONT $$; echo goes-on) & sleep 0.1; echo soon\r',
    );
    await shell.until('soon\r\n');
    await shell.until('ready$ ');
    await shell.untilStopped();
  };
  const goOn = async (): Promise<void> => {
    shell.touch('go');
    await shell.until('goes-on');
    await shell.send('echo after\r');
    await shell.until('after\r\n');
  };

  it('keys that edit, and nothing on the screen: refused', async () => {
    await stopped();
    await shell.send(`acnary${CTRL('a')}${CTRL('f')}${CTRL('t')}\r`);
    assert.equal(shell.lines.at(-1)?.unseen, true);
    await goOn();
    assert.equal(shell.ran(), false);
  });

  it('keys that only type, and nothing on the screen: refused', async () => {
    await stopped();
    await shell.send('Xcanary\r');
    assert.equal(shell.lines.at(-1)?.unseen, true);
    await goOn();
    assert.equal(shell.ran(), false);
  });

  it('where the shell reads, a last key without echo costs nothing', async () => {
    shell = await startShell();
    await shell.send(`echo seen${CTRL('e')}`);
    await shell.send(`${CTRL('e')}\r`);
    await shell.until('seen\r\n');
    assert.deepEqual(shell.lines.at(-1), { text: 'echo seen', context: 'shell', certain: true });
  });
});
