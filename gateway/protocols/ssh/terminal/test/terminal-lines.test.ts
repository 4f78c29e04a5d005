import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createManualClock } from '../../../../../platform/clock/manual-clock.ts';
import { lacking } from '../../../../../test/servers/available.ts';
import { createTerminalLines } from '../create-terminal-lines.ts';
import { startShell, type RealShell } from './real-shell.ts';

const LEFT = '\u001b[D';
const UP = '\u001b[A';
/** Behind a command's output: the shell reads again. A key that edits and comes before is the terminal's, not the shell's. */
const READY = '\r\n\u001b[?2004hready$ ';
/** Bash reads again behind an interrupt; now and then it shows its prompt with the next key only. */
const INTERRUPTED = '\u001b[?2004l\r\u001b[?2004h';
const CTRL = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) & 31);

describe('ssh terminal: lines of a real bash', { skip: lacking('sshd') }, () => {
  let shell: RealShell;
  afterEach(() => shell.close());
  const last = (): string | undefined => shell.lines.at(-1)?.text;

  it('a typed line, without its prompt', async () => {
    shell = await startShell();
    await shell.send('echo one\r');
    await shell.until('one\r\n');
    assert.deepEqual(shell.lines, [{ text: 'echo one', context: 'shell', certain: true }]);
  });

  it('a denied line is stopped at Enter, and the shell goes on', async () => {
    shell = await startShell();
    await shell.send('canary\r');
    await shell.send('echo still-here\r');
    await shell.until('still-here\r\n');
    assert.deepEqual(shell.denied, ['canary']);
    assert.equal(last(), 'echo still-here');
    assert.equal(shell.ran(), false);
  });

  it('keys that edit: backspace, cursor, kill, yank, transposing', async () => {
    shell = await startShell();
    await shell.send(`echo abx\u007fc${LEFT}${LEFT}X\r`);
    await shell.until(`aXbc${READY}`);
    assert.equal(last(), 'echo aXbc');
    await shell.send(`nary x${CTRL('a')}ca\r`);
    assert.deepEqual(shell.denied, ['canary x']);
    await shell.send(`q\u007fcanary${CTRL('w')}${CTRL('y')}\r`);
    await shell.send(`acnary${CTRL('a')}${CTRL('f')}${CTRL('t')}\r`);
    assert.equal(shell.denied.length, 3);
    assert.equal(shell.ran(), false);
  });

  it('history: recalled, searched, expanded', async () => {
    shell = await startShell();
    await shell.send('echo remember\r');
    await shell.until(`remember${READY}`);
    await shell.send(`${UP}\r`);
    await shell.until(`remember${READY}`);
    assert.equal(last(), 'echo remember');
    await shell.send(`${CTRL('r')}reme\r`);
    await shell.until(`remember${READY}`);
    assert.equal(last(), 'echo remember');
    assert.equal(shell.lines.at(-1)?.certain, false);
    await shell.send('!!\r');
    assert.equal(shell.denied.at(-1), '!!', 'what history gives cannot be known');
  });

  it('lines that wrap, and wide characters', async () => {
    shell = await startShell();
    const long = 'x'.repeat(200);
    await shell.send(`echo ${long}\r`);
    await shell.until(`${long}\r\n`);
    assert.equal(last(), `echo ${long}`);
    await shell.send(`echo ${'y'.repeat(90)} ; canary\r`);
    assert.equal(shell.denied.length, 1);
    await shell.send('echo größe 漢字\r');
    await shell.until('漢字\r\n');
    assert.equal(last(), 'echo größe 漢字');
  });

  it('lines that go on: backslash, quote, loop, here document', async () => {
    shell = await startShell();
    await shell.send('echo a\\\r');
    await shell.until('> ');
    await shell.send('b\r');
    await shell.until('ab\r\n');
    assert.deepEqual(shell.lines.at(-1), { text: 'echo a\\\nb', context: 'continuation', certain: true });
    await shell.send('ca\\\r');
    await shell.until('> ');
    await shell.send('nary\r');
    assert.deepEqual(shell.denied, ['ca\\\nnary']);
    // The shell still waits for the rest.
    await shell.send('t /dev/null\r');
    await shell.until('\r\n');
    assert.equal(last(), 'ca\\\nt /dev/null');
    await shell.send('for i in 1; do\r');
    await shell.until('> ');
    await shell.send('echo in-loop; done\r');
    await shell.until('in-loop\r\n');
    await shell.send('bash <<E\r');
    await shell.until('> ');
    await shell.send('canary\r');
    assert.equal(shell.denied.length, 2);
    await shell.send('echo in-document\r');
    await shell.until('> ');
    await shell.send('E\r');
    await shell.until('in-document\r\n');
    assert.equal(shell.ran(), false);
  });

  it('a second prompt that looks like the first hides nothing', async () => {
    shell = await startShell();
    await shell.send("PS2='ready$ '\r");
    // Setting a prompt is opaque, and so refused; what would come behind it is shown all the same.
    assert.equal(shell.denied.length, 1);
    await shell.send('ca\\\r');
    await shell.until('> ');
    await shell.send('nary\r');
    assert.equal(shell.ran(), false);
  });

  it('completion by Tab', async () => {
    shell = await startShell();
    await shell.send('cana\t');
    await shell.until('canary');
    await shell.send('\r');
    assert.equal(shell.denied.length, 1);
    await shell.send('echo bin\t\t');
    await shell.until('bin/');
    await shell.send('\r');
    await shell.until('\r\n');
    assert.equal(last(), 'echo bin/canary');
  });

  it('a paste of several lines, in brackets or not', async () => {
    shell = await startShell();
    await shell.send('\u001b[200~echo p1\necho p2\u001b[201~');
    await shell.until('p2');
    await shell.send('\r');
    await shell.until('p1\r\n');
    assert.equal(last(), 'echo p1\necho p2');
    await shell.send('\u001b[200~echo p3\ncanary\u001b[201~');
    await shell.send('\r');
    assert.ok(shell.denied.length >= 1);
    await shell.send('echo q1\necho q2\ncanary\n');
    await shell.until('q2\r\n');
    assert.match(shell.denied.at(-1) ?? '', /^canary/);
    assert.equal(shell.ran(), false);
  });

  it('no echo: a password is not read', async () => {
    shell = await startShell();
    await shell.send('read -rs -p "Password: " x; echo got-${#x}\r');
    await shell.until('2004l\rPassword: ');
    await shell.send('hunter2\r');
    await shell.until('got-7');
    assert.deepEqual(shell.lines.at(-1), { text: '', context: 'secret', certain: true });
  });

  it('no echo: stars for a password are not it', async () => {
    shell = await startShell();
    await shell.send(
      "stty -echo; printf 'Password: '; for i in 1 2 3 4 5 6 7; do read -rsn1 c; printf '*'; done; read -rs x; stty echo; echo done\r",
    );
    await shell.until('2004l\rPassword: ');
    // One key after the other: bash switches the terminal's mode for each, and may drop what is typed meanwhile.
    for (const key of 'hunter2') {
      await shell.send(key);
      await shell.until('*');
    }
    await shell.send('\r');
    await shell.until('done\r\n');
    assert.deepEqual(shell.lines.at(-1), { text: '', context: 'secret', certain: true });
  });

  it('no echo at a prompt of a shell: what is typed is a command all the same', async () => {
    shell = await startShell();
    await shell.send('stty -echo\r');
    await shell.until('ready$ ');
    await shell.send('canary\r');
    assert.deepEqual(shell.denied, ['canary']);
    assert.equal(shell.ran(), false);
  });

  it('full-screen programs are told apart', async () => {
    shell = await startShell();
    await shell.send("printf '\\033[?1049h'; read x; printf '\\033[?1049l'; echo back\r");
    await shell.until('\u001b[?1049h');
    await shell.send('text of a document\r');
    assert.equal(shell.lines.at(-1)?.context, 'screen');
    await shell.until('back\r\n');
  });

  it('a shell without line editing (dash), and a program that asks', async () => {
    shell = await startShell('dash -i');
    await shell.send('echo plain\r');
    await shell.until('plain\r\n');
    assert.deepEqual(shell.lines.at(-1), { text: 'echo plain', context: 'shell', certain: true });
    await shell.send('canary\r');
    await shell.send('read x\r');
    await shell.until('\r\n');
    await shell.send('an answer\r');
    assert.equal(last(), 'an answer');
    assert.equal(shell.ran(), false);
  });

  it('brackets of a paste hide nothing from a shell that does not know them', async () => {
    shell = await startShell('dash -i');
    await shell.send('\u001b[200~x\rcanary\recho after\r\u001b[201~');
    assert.ok(shell.denied.includes('canary'));
    assert.equal(shell.ran(), false);
  });

  it('an interrupt of the client: what was typed before it is gone, what comes at the new prompt is a line', async () => {
    shell = await startShell();
    await shell.send(`canary${CTRL('c')}`);
    await shell.until(INTERRUPTED);
    await shell.send('echo whole\r');
    await shell.until(`whole${READY}`);
    assert.deepEqual(shell.lines.at(-1)?.text, 'echo whole');
    await shell.send(`echo half${CTRL('c')}`);
    await shell.until(INTERRUPTED);
    await shell.send('canary\r');
    assert.ok(shell.denied.includes('canary'));
    assert.equal(shell.ran(), false);
  });

  it('keys typed ahead of the prompt', async () => {
    shell = await startShell();
    await shell.send('sleep 0.3\r');
    await shell.send('canary');
    await shell.until('ready$ ');
    await shell.send('\r');
    assert.equal(shell.ran(), false);
  });

  it('a screen that is painted over does not hide what was only typed', async () => {
    shell = await startShell();
    await shell.send("(sleep 0.3; printf '\\r\\033[2Kready$ echo harmless') &\r");
    await shell.until('ready$ ');
    await shell.send('canary');
    await shell.until('echo harmless');
    await shell.send('\r');
    assert.ok(shell.denied.includes('canary'));
    assert.equal(shell.ran(), false);
  });
});

describe('ssh terminal: a denied line on a slow target', () => {
  const prompt = 'ready$ ';
  /** A line is typed, shown and denied; `settled` is under way. */
  async function denied() {
    const clock = createManualClock();
    const terminal = createTerminalLines({ clock }, { columns: 80, rows: 24 });
    const target = (text: string): void => terminal.output(Buffer.from(text));
    target(prompt);
    clock.advance(100);
    terminal.input(Buffer.from('canary'));
    clock.advance(1);
    target('canary');
    const [step] = terminal.input(Buffer.from('\r'));
    assert.ok(step?.kind === 'submit');
    const line = step.line(() => undefined);
    clock.advance(100);
    assert.equal((await line).text, 'canary');
    assert.equal(terminal.prompt, prompt);
    assert.ok(terminal.discard.length > 0);
    let settled = false;
    const settling = terminal.settled!().then(() => (settled = true));
    const pass = async (ms: number): Promise<void> => {
      clock.advance(ms);
      await new Promise(setImmediate);
    };
    return { target, pass, settling, isSettled: () => settled, close: () => terminal.close() };
  }

  it('what is said to the client waits until the line is gone from the screen', async () => {
    const { target, pass, settling, isSettled, close } = await denied();
    await pass(900);
    assert.equal(isSettled(), false);
    target(`\r${prompt}\u001b[K`);
    await pass(50);
    assert.equal(isSettled(), true);
    await settling;
    close();
  });

  it('and no longer than a second', async () => {
    const { pass, settling, isSettled, close } = await denied();
    await pass(1100);
    assert.equal(isSettled(), true);
    await settling;
    close();
  });
});
