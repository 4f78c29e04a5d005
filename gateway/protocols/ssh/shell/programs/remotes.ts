/** Programs that reach other hosts by SSH: ssh, scp, rsync, sftp and what feeds them a password. */
import type { Argument } from '../command-line.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, optionValue, readOptions, type Option } from './options.ts';
import { readsUnseenCode } from './shells.ts';

const STRANGE = 'arguments of a program that runs others are not known';
const RUNS =
  /^\s*(ProxyCommand|LocalCommand|KnownHostsCommand|Match|Include|ProxyJump|RemoteCommand|PKCS11Provider|SecurityKeyProvider|XAuthLocation)\s*[= ]\s*(.*)$/i;

/** `-o` options that run something. */
function checkOptions(running: Running, options: readonly Option[]): void {
  const { walk, index, inner } = running;
  for (const { name, value } of options) {
    if (name === 'F' && value?.text !== 'none' && value?.text !== '/dev/null')
      walk.opaque('code from a file', `ssh -F ${value?.text ?? ''}`, index);
    if ((name === 'I' || (name === 'D' && running.invocation.name !== 'ssh')) && value !== null)
      walk.opaque(STRANGE, value.text, index);
    if (name !== 'o' || value === null) continue;
    if (value.sure !== 'known') walk.opaque(STRANGE, value.text, index);
    const runs = RUNS.exec(value.text);
    if (runs === null || /^none$/i.test(runs[2]!)) continue;
    if (/^Proxy|^Local/i.test(runs[1]!) && !/jump/i.test(runs[1]!)) walk.script(runs[2]!, inner);
    else if (!/jump/i.test(runs[1]!)) walk.opaque(STRANGE, value.text, index);
  }
}

function runSsh(running: Running): void {
  const { walk, args, index, inner, invocation } = running;
  const { options, rest, unsure } = readOptions(args, {
    flags: '1246AaCfGgKkMNnqsTtVvXxYy',
    valued: 'BbcDEeFIiJLlmOoPpQRSWw',
  });
  if (unsure) walk.opaque(STRANGE, invocation.name, index);
  checkOptions(running, options);
  for (const { name, value } of options) {
    if (/^[LRDWwJ]$/.test(name)) walk.deed('tunnel', 'forward', `-${name} ${value?.text ?? ''}`);
    if (name === 'E' && value !== null) walk.file(value, 'write', index);
    if (name === 'i' && value !== null) walk.file(value, 'read', index);
  }
  const [host, ...words] = rest;
  if (host === undefined) return;
  const port = Number(optionValue(options, 'p')?.text) || null;
  const name = host.text.replace(/^ssh:\/\//, '').replace(/^[^@]*@/, '');
  walk.destination(name, port);
  walk.deed('remote', 'host', name);
  // Options may stand behind the host, too.
  const after = readOptions(words, {
    flags: '1246AaCfGgKkMNnqsTtVvXxYy',
    valued: 'BbcDEeFIiJLlmOoPpQRSWw',
    lax: true,
  });
  checkOptions(running, after.options);
  for (const { name: letter, value } of after.options)
    if (/^[LRDWwJ]$/.test(letter)) walk.deed('tunnel', 'forward', `-${letter} ${value?.text ?? ''}`);
  const command = after.rest;
  if (hasOption([...options, ...after.options], 'N')) return;
  if (command.length === 0) {
    if (readsUnseenCode(running) || running.scope.stdin.kind !== 'client')
      walk.opaque('code from standard input', `${invocation.name} ${name}`, index);
    return;
  }
  if (command.some(({ sure }) => sure !== 'known'))
    return walk.opaque('eval of what is not known', command.map(({ text }) => text).join(' '), index);
  walk.script(command.map(({ text }) => text).join(' '), { ...inner, remote: name });
}

const isRemote = ({ text }: Argument): boolean => /^(scp|sftp|rsync|ssh):\/\/|^[^/:]+:/.test(text);
const hostOf = ({ text }: Argument): string =>
  text
    .replace(/^\w+:\/\//, '')
    .replace(/^[^@/]*@/, '')
    .split(/[:/]/)[0]!;

function runCopy(running: Running): void {
  const { walk, args, index, inner, invocation } = running;
  const rsync = invocation.name === 'rsync';
  const { options, rest, unsure } = readOptions(args, {
    flags: rsync ? 'abcdghiklmnopqrstuvxzADEHIJKLNOPRSUVWX046' : '346ABCpqRrTvdftO',
    valued: rsync ? 'eBTfM' : 'cDFiJloPSX',
    longValued: [
      'rsh',
      'rsync-path',
      'exclude',
      'include',
      'exclude-from',
      'include-from',
      'files-from',
      'filter',
      'bwlimit',
      'timeout',
      'partial-dir',
      'temp-dir',
      'backup-dir',
      'log-file',
      'port',
      'password-file',
      'chmod',
      'chown',
      'link-dest',
      'compare-dest',
      'copy-dest',
      'max-size',
      'min-size',
    ],
    permute: true,
    lax: rsync,
  });
  if (unsure) walk.opaque(STRANGE, invocation.name, index);
  if (!rsync) checkOptions(running, options);
  for (const { name, value } of options) {
    const runs = rsync
      ? ['e', 'rsh', 'rsync-path', 'M', 'remote-option', 'early-input', 'read-batch', 'config'].includes(name)
      : name === 'S';
    if (!runs || value === null) continue;
    if (rsync && value.text.startsWith('.')) continue;
    if (value.sure === 'known' && name !== 'M') walk.script(value.text, inner);
    else walk.opaque(STRANGE, invocation.name, index);
  }
  for (const name of ['log-file', 'temp-dir', 'write-batch', 'backup-dir', 'partial-dir']) {
    const value = optionValue(options, name);
    if (value !== undefined && value !== null) walk.file(value, 'write', index);
  }
  const target = rest.at(-1);
  for (const operand of rest) {
    const last = operand === target;
    if (isRemote(operand)) {
      walk.destination(hostOf(operand));
      walk.deed(last ? 'export' : 'download', 'host', hostOf(operand));
    } else walk.file(operand, last && rest.length > 1 ? 'write' : 'read', index);
  }
  // The far side of a transfer: the last operand is where it goes, or what is read.
  if (hasOption(options, 't') && !rsync && target !== undefined) walk.file(target, 'write', index);
  if (rsync && hasOption(options, 'server') && target !== undefined)
    walk.file(target, hasOption(options, 'sender') ? 'read' : 'write', index, true);
  if (
    hasOption(options, 'delete', 'delete-after', 'delete-before', 'remove-source-files') &&
    target !== undefined
  )
    walk.file(target, 'delete', index, true);
}

export const REMOTES: Handlers = {
  ...forNames('ssh slogin dbclient', runSsh),
  ...forNames('scp rsync', runCopy),
  autossh: (running) => {
    running.walk.deed('tunnel', 'program', 'autossh');
    runSsh({
      ...running,
      args: running.args.filter(({ text }, at) => text !== '-M' && running.args[at - 1]?.text !== '-M'),
    });
  },
  sshpass: (running) => {
    const { walk, args, index, inner } = running;
    const { options, rest, unsure } = readOptions(args, { flags: 'evhV', valued: 'pfdP' });
    if (unsure) walk.opaque(STRANGE, 'sshpass', index);
    const password = optionValue(options, 'p');
    if (password !== undefined && password !== null && password.sure === 'known') walk.secret(password.text);
    walk.run(rest, inner);
  },
  sftp: (running) => {
    const { options, rest } = readOptions(running.args, {
      flags: '46aCfpqrvN',
      valued: 'BbcDFiJloPRSsX',
      lax: true,
    });
    checkOptions(running, options);
    if (hasOption(options, 'b', 'S', 's') || readsUnseenCode(running))
      running.walk.opaque('code from standard input', 'sftp', running.index);
    if (rest[0] !== undefined) {
      running.walk.destination(hostOf(rest[0]));
      running.walk.deed('remote', 'host', hostOf(rest[0]));
    }
  },
  ...forNames('plink rsh rlogin rexec mosh', (running) => {
    const host = running.args.find(({ text }) => !text.startsWith('-'));
    running.walk.deed('remote', 'host', host?.text ?? null);
    running.walk.opaque(STRANGE, running.invocation.name, running.index);
  }),
  // SFTP in an exec channel: its operations are not seen there.
  ...forNames('sftp-server internal-sftp', ({ walk, invocation, index }) =>
    walk.opaque('code from standard input', invocation.name, index),
  ),
  'ssh-copy-id': ({ walk, args }) =>
    walk.deed('persistence', 'host', args.find(({ text }) => !text.startsWith('-'))?.text ?? null),
  'ssh-agent': ({ walk, args, inner }) =>
    walk.run(
      args.filter(({ text }) => !text.startsWith('-')),
      inner,
    ),
  'ssh-keygen': ({ walk, args, index }) => {
    const at = args.findIndex(({ text }) => text === '-N' || text === '-P');
    if (at !== -1 && args[at + 1]?.sure === 'known') walk.secret(args[at + 1]!.text);
    if (args.some(({ text }) => text === '-D' || text.startsWith('-D') || text === '-w'))
      walk.opaque(STRANGE, 'ssh-keygen', index);
    const file = args[args.findIndex(({ text }) => text === '-f') + 1];
    if (file !== undefined && args.some(({ text }) => text === '-f')) walk.file(file, 'write', index);
  },
};
