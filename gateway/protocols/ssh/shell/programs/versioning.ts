/** git and builds: hooks, aliases and options that run programs. */
import { forNames, type Handlers, type Running } from './handler.ts';
import { readOptions } from './options.ts';
import { readsUnseenCode } from './shells.ts';

const STRANGE = 'arguments of a program that runs others are not known';
/** Settings of git that name a program. */
const RUNS =
  /^(alias\.|core\.(sshcommand|pager|editor|hookspath|fsmonitor|askpass|gitproxy|alternaterefscommand|worktree)|diff\.|merge\.|filter\.|credential\.|gpg\.|pager\.|sequence\.|browser\.|difftool\.|mergetool\.|init\.templatedir|protocol\.|uploadpack\.|receive\.|remote\.|url\.|include|ssh\.|sendemail\.|instaweb\.|man\.|interactive\.|trailer\.|submodule\.)/i;

function runGit(running: Running): void {
  const { walk, args, index } = running;
  const { options, rest, unsure } = readOptions(args, {
    flags: 'pP',
    valued: 'cC',
    longFlags: [
      'version',
      'help',
      'html-path',
      'man-path',
      'info-path',
      'paginate',
      'no-pager',
      'bare',
      'no-replace-objects',
      'no-optional-locks',
      'literal-pathspecs',
      'glob-pathspecs',
      'noglob-pathspecs',
      'icase-pathspecs',
      'no-advice',
    ],
    longValued: ['git-dir', 'work-tree', 'namespace', 'super-prefix', 'attr-source'],
  });
  const strange = (): void => walk.opaque(STRANGE, `git ${args.map(({ text }) => text).join(' ')}`, index);
  if (unsure) strange();
  for (const { name, value } of options) {
    if (name === 'c' && (value?.sure !== 'known' || RUNS.test(value.text))) strange();
    if (name === 'exec-path' || name === 'config-env') strange();
  }
  const [verb, ...words] = rest;
  const texts = words.map(({ text }) => text);
  if (verb === undefined) return;
  if (
    words.some(
      ({ text, sure }) =>
        /^(--upload-pack|--receive-pack|--exec|-u.+|--open-files-in-pager|-O|--ext-diff|--textconv|--template|--extcmd|-x|--config|--index-filter|--tree-filter|--strategy)/.test(
          text,
        ) ||
        /^ext::|^-c$/.test(text) ||
        (sure === 'unknown' && text.startsWith('-')),
    )
  ) {
    if (
      !(verb.text === 'checkout' || verb.text === 'clean' || verb.text === 'commit') ||
      texts.some((text) => /^ext::|^--exec/.test(text))
    )
      strange();
  }
  switch (verb.text) {
    case 'clone':
    case 'fetch':
    case 'pull':
    case 'ls-remote':
      walk.deed('download', 'repository', texts.find((text) => !text.startsWith('-')) ?? 'origin');
      return;
    case 'push':
      return walk.deed('export', 'repository', texts.find((text) => !text.startsWith('-')) ?? 'origin');
    case 'config':
      if (texts.length > 1 && texts.some((text) => RUNS.test(text))) {
        walk.deed('persistence', 'repository', 'git config');
        strange();
      }
      return;
    case 'submodule':
    case 'bisect':
    case 'filter-branch':
    case 'rebase':
    case 'difftool':
    case 'mergetool':
    case 'grep':
    case 'help':
    case 'instaweb':
    case 'send-email':
      if (/\b(foreach|run|--exec|--extcmd|-x|-c|--open-files-in-pager|--tool-help)\b/.test(texts.join(' ')))
        strange();
      return;
    case 'shell':
    case 'daemon':
    case 'upload-archive':
      return strange();
    default:
      walk.deed('execute', 'repository', verb.text);
  }
}

export const VERSIONING: Handlers = {
  git: runGit,
  ...forNames('git-upload-pack git-upload-archive git-receive-pack', ({ walk, args, index, invocation }) => {
    const folder = args.find(({ text }) => !text.startsWith('-'));
    if (folder !== undefined)
      walk.file(folder, invocation.name === 'git-receive-pack' ? 'write' : 'read', index, true);
  }),
  ...forNames('make gmake ninja meson scons ant mvn gradle', (running) => {
    const { walk, args, index, invocation, scope } = running;
    walk.deed('execute.medium', 'program', invocation.name);
    const told = args.some(
      ({ text, sure }) =>
        /^(--eval|-f|--file|--makefile|-E|[A-Za-z_]\w*\s*[:+?!]*=)/.test(text) || sure !== 'known',
    );
    if (told || (scope.stdin.kind !== 'client' && readsUnseenCode(running)))
      walk.opaque(
        'code of an interpreter',
        `${invocation.name} ${args.map(({ text }) => text).join(' ')}`,
        index,
      );
  }),
  ...forNames(
    'ansible ansible-playbook salt salt-call puppet chef-client terraform vagrant',
    ({ walk, index, invocation }) => walk.opaque('code of an interpreter', invocation.name, index),
  ),
};
