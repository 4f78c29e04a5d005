/** Programs that run others in forms of their own: sudo and su as shells, env, xargs, parallel, busybox, containers, at, cron. */
import type { Argument } from '../command-line.ts';
import { checkAssignment } from '../environment.ts';
import { UNKNOWN_STDIN } from '../found.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, looseOptions, optionValue, readOptions } from './options.ts';
import { runStdin } from './shells.ts';
import { sudoWrapper } from './wrappers.ts';

const STRANGE = 'arguments of a program that runs others are not known';
const strange = ({ walk, invocation, index }: Running): void => walk.opaque(STRANGE, invocation.name, index);

function runSudo(running: Running): void {
  sudoWrapper(running);
  const { options, rest } = readOptions(running.args, {
    flags: 'AbBEHnPSkKNlvVsi',
    valued: 'CDghpRrTtUu',
    longValued: ['user', 'group'],
    lax: true,
  });
  const shell = hasOption(options, 's', 'i', 'shell', 'login');
  if (shell && rest.length === 0) runStdin({ ...running, inner: { ...running.inner, privileged: true } });
  if (hasOption(options, 'l', 'list')) running.walk.deed('discover', 'program', 'sudo');
}

function runSu(running: Running): void {
  const { walk, args, index } = running;
  walk.deed('privilege_escalation', 'program', 'su');
  const inner = { ...running.inner, privileged: true };
  const { options, rest, unsure } = readOptions(args, {
    flags: 'flmpPT',
    valued: 'cCgGsw',
    longFlags: ['login', 'preserve-environment', 'fast', 'pty', 'help', 'version'],
    longValued: ['command', 'session-command', 'group', 'supp-group', 'shell', 'whitelist-environment'],
    permute: true,
  });
  if (unsure) strange(running);
  const code = optionValue(options, 'c', 'C', 'command', 'session-command');
  if (optionValue(options, 's', 'shell') !== undefined)
    walk.opaque(STRANGE, 'su with a shell of its own', index);
  if (code === undefined || code === null) {
    // `su - user cmd` gives cmd to the shell as a script.
    if (rest.filter(({ text }) => text !== '-').length > 1) strange(running);
    return runStdin({ ...running, inner });
  }
  if (code.sure !== 'known') return strange(running);
  walk.script(code.text, inner);
}

function runEnv(running: Running): void {
  const { walk, args, index } = running;
  const { options, rest, unsure } = readOptions(args, {
    flags: 'i0v',
    valued: 'uCS',
    longFlags: ['ignore-environment', 'null', 'debug', 'list-signal-handling', 'help', 'version'],
    longValued: ['unset', 'chdir', 'split-string'],
  });
  if (unsure) strange(running);
  const split = optionValue(options, 'S', 'split-string');
  const first: readonly Argument[] =
    split === undefined || split === null
      ? []
      : split.text
          .trim()
          .split(/\s+/)
          .map((text) => ({ text, sure: split.sure }));
  if (split?.sure === 'unknown' || /[\\'"$#]/.test(split?.text ?? '')) strange(running);
  const words = [...first, ...rest].filter(({ text }) => text !== '-');
  let at = 0;
  for (; at < words.length && words[at]!.text.includes('='); at++) {
    const [name = '', ...value] = words[at]!.text.split('=');
    checkAssignment(walk, name, { text: value.join('='), sure: words[at]!.sure }, index);
    if (words[at]!.sure !== 'known' && !/^\w+=/.test(words[at]!.text)) strange(running);
  }
  if (first.length > 0 && first[0]!.text.startsWith('-')) return strange(running);
  if (at === words.length) return walk.deed('discover', 'environment', null);
  walk.run(words.slice(at), running.inner);
}

const REST: Argument = { text: '...', sure: 'unknown' };

function runXargs(running: Running): void {
  const { walk, args, inner } = running;
  const { options, rest, unsure } = readOptions(args, {
    flags: '0prtxoR',
    valued: 'aEILnPsdJS',
    longFlags: [
      'null',
      'interactive',
      'no-run-if-empty',
      'verbose',
      'exit',
      'open-tty',
      'show-limits',
      'help',
      'version',
      'replace',
      'eof',
      'max-lines',
    ],
    longValued: ['arg-file', 'delimiter', 'max-args', 'max-procs', 'max-chars', 'process-slot-var'],
  });
  // -e, -i and -l take a value only in the same word.
  const old = args.some(({ text }) => /^-[a-zA-Z0-9]*[eil]/.test(text) && !text.startsWith('--'));
  if (unsure && !old) strange(running);
  const replace =
    optionValue(options, 'I', 'J', 'replace')?.text ??
    (hasOption(options, 'replace') || old ? '{}' : undefined);
  const words = rest.map((word): Argument =>
    replace !== undefined && word.text.includes(replace) ? { ...word, sure: 'unknown' } : word,
  );
  if (words.length === 0) return;
  walk.run([...words, REST], { ...inner, stdin: UNKNOWN_STDIN });
}

function runParallel(running: Running): void {
  const { walk, args, inner } = running;
  strange(running);
  const { rest } = readOptions(args, { flags: 'kqtvXmu0', valued: 'jIanPNLSd', lax: true });
  const end = rest.findIndex(({ text }) => text.startsWith(':::'));
  const words = end === -1 ? rest : rest.slice(0, end);
  if (words.length > 0) walk.run([...words, REST], { ...inner, stdin: UNKNOWN_STDIN });
}

function runCrontab(running: Running): void {
  const { walk, args } = running;
  const options = looseOptions(args);
  if (options.has('l')) return walk.deed('discover', 'crontab', null);
  walk.deed('persistence', 'crontab', args.map(({ text }) => text).join(' ') || 'from standard input');
  if (options.has('r')) walk.deed('delete', 'crontab', null);
}

export const RUNNERS: Handlers = {
  sudo: runSudo,
  ...forNames('sudoedit vipw vigr visudo', ({ walk, args, index, invocation }) => {
    walk.deed('privilege_escalation', 'program', invocation.name);
    for (const argument of args) if (!argument.text.startsWith('-')) walk.file(argument, 'write', index);
  }),
  su: runSu,
  env: runEnv,
  xargs: runXargs,
  parallel: runParallel,
  ...forNames('busybox toybox', ({ walk, args, inner }) => {
    if (args[0] !== undefined && !args[0].text.startsWith('-')) walk.run(args, inner);
  }),
  'ld.so': (running) => {
    const { rest } = readOptions(running.args, {
      flags: '',
      valued: '',
      longFlags: ['list', 'verify'],
      longValued: ['library-path', 'preload', 'audit', 'argv0', 'inhibit-rpath'],
      lax: true,
    });
    if (running.args.some(({ text }) => /^--(preload|audit|library-path)/.test(text))) strange(running);
    running.walk.run(rest, running.inner);
  },
  crontab: runCrontab,
  ...forNames('at batch', (running) => {
    const { walk, args } = running;
    const options = looseOptions(args);
    if (options.has('l') || options.has('c')) return walk.deed('discover', 'at', null);
    walk.deed('persistence', 'at', args.map(({ text }) => text).join(' '));
    if (!options.has('r') && !options.has('d')) runStdin(running);
  }),
  ...forNames('tmux screen byobu', (running) => {
    const { walk, args, index } = running;
    // What these are told to run goes through parsers of their own.
    const words = args.filter(({ text }) => !text.startsWith('-'));
    if (
      words.length > 0 &&
      !/^(ls|list-sessions|lsw|attach|attach-session|a|has-session|kill-session|kill-server|detach|info)$/.test(
        words[0]!.text,
      ) &&
      running.invocation.name !== 'tmux' &&
      !args.some(({ text }) => /^-(r|x|ls|list|S)$/.test(text))
    )
      walk.opaque(
        'arguments of a program that runs others are not known',
        args.map(({ text }) => text).join(' '),
        index,
      );
    if (
      words.some(({ text }) =>
        /\s|^(send|send-keys|run|run-shell|if-shell|pipe-pane|new|new-session|neww|new-window|split-window|splitw|respawn-pane|exec|stuff)$/.test(
          text,
        ),
      ) ||
      looseOptions(args).has('X')
    )
      walk.opaque('code of an interpreter', args.map(({ text }) => text).join(' '), index);
  }),
  ...forNames(
    'expect gdb rake capsh firejail bwrap proot entr ranger mc nnn vifm watchexec hyperfine runsv supervisorctl pm2 forever daemonize perf-run softlimit torify newgrp sash whence',
    strange,
  ),
};
