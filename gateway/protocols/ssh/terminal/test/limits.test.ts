/** What somebody at an interactive shell can hide from the gateway (docs/ssh-commands.md, "What a shell user can hide"). */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { lacking } from '../../../../../test/servers/available.ts';
import { startShell, type RealShell } from './real-shell.ts';

const CTRL = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 31);
const prompt = '\u001b[?2004hready$ ';

describe('ssh terminal: known limits of the interactive mode', { skip: lacking('sshd') }, () => {
  let shell: RealShell;
  afterEach(() => shell.close());

  it('1. a file that an earlier line wrote is code that the line which runs it does not show', async () => {
    shell = await startShell();
    await shell.send('echo can""ary > script; echo written\r');
    await shell.until('written\r\n');
    await shell.send('sh script\r');
    await shell.until('canary-ran');
    assert.deepEqual(shell.denied, []);
    assert.equal(shell.ran(), true);
  });

  it('2. a key that a file of readline binds to a command has no Enter', async () => {
    shell = await startShell();
    await shell.send(`echo '"\\C-g": "can\\x61ry\\n"' > .inputrc; bash --norc --noprofile -i\r`);
    await shell.until(prompt);
    await shell.send(CTRL('g'));
    await shell.until('canary-ran');
    assert.deepEqual(shell.denied, []);
    assert.equal(shell.lines.length, 1, 'no line was submitted by the client');
  });

  it('3. a screen painted over while keys edit the line', async () => {
    shell = await startShell();
    await shell.send("(sleep 0.4; printf '\\r\\033[2Kready$ echo harmless') &\r");
    await shell.until(prompt);
    await shell.send(`canary${CTRL('a')}${CTRL('e')}`);
    await shell.until('echo harmless');
    await shell.send('\r');
    await shell.until('canary-ran');
    assert.equal(shell.lines.at(-1)?.text, 'echo harmless');
    assert.equal(shell.ran(), true);
  });

  it('4. what is typed without echo into a program is taken for a secret', async () => {
    shell = await startShell();
    await shell.send('stty -echo; echo quiet; cat > script; stty echo\r');
    await shell.until('quiet\r\n');
    await shell.send('canary\r');
    assert.equal(shell.lines.at(-1)?.context, 'secret');
    await shell.send(CTRL('d'));
    await shell.until(prompt);
    await shell.send('sh script\r');
    await shell.until('canary-ran');
    assert.deepEqual(shell.denied, []);
  });

  it('5. a full-screen program runs what its own keys say', async () => {
    shell = await startShell();
    // Stands for an editor: the other screen, a prompt of its own, and a shell behind it.
    await shell.send("printf '\\033[?1049h:'; IFS= read -r x; printf '%s\\n' \"$x\" > script; sh script\r");
    assert.equal(shell.denied.length, 1, 'told in one line, it is seen');
    await shell.send(
      'echo \'printf "\\033[?1049h:"; read -r x; $x; printf "\\033[?1049l"\' > editor; echo made\r',
    );
    await shell.until('made\r\n');
    await shell.send('sh editor\r');
    await shell.until('\u001b[?1049h:');
    await shell.send('canary\r');
    await shell.until('canary-ran');
    assert.equal(shell.lines.at(-1)?.context, 'screen');
  });

  it('6. what is typed ahead, while a program runs that takes a part of it', async () => {
    shell = await startShell();
    await shell.send('echo early; sleep 0.3; read -rsn1 key\r');
    await shell.until('early\r\n');
    await shell.send('Xcanary\r');
    assert.equal(shell.lines.at(-1)?.text, 'Xcanary');
    await shell.until('canary-ran');
    assert.deepEqual(shell.denied, []);
  });

  it('the other screen alone hides nothing', async () => {
    shell = await startShell();
    await shell.send("printf '\\033[?1049h'\r");
    await shell.until(prompt);
    await shell.send('canary\r');
    assert.deepEqual(shell.denied, ['canary']);
    assert.equal(shell.ran(), false);
  });
});
