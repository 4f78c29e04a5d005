/** Programs that make, change and remove files. */
import type { Argument } from '../command-line.ts';
import { isLogFile, isPersistenceFile, resolvePath } from '../paths.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { looseOptions, operandsOf, optionValue, readOptions } from './options.ts';

/** What must never be removed whole: the root, a folder of the system, a home. */
const CRITICAL =
  /^\/\*?$|^\/(bin|boot|dev|etc|home|lib\w*|opt|proc|root|run|sbin|srv|sys|usr|var)(\/\*)?$|^~(\/\*)?$|^\/home\/[^/]+(\/\*)?$|^\/var\/(lib|www|backups?)(\/\*)?$/;

function remove(running: Running): void {
  const { walk, args, index } = running;
  const options = looseOptions(args);
  const whole = options.has('r') || options.has('R') || options.has('recursive');
  for (const file of operandsOf(args)) {
    const path = resolvePath(file.text, walk.folder);
    walk.file(file, 'delete', index, whole);
    if (whole && (CRITICAL.test(path) || path.startsWith('/*')))
      walk.deed('delete.critical', 'folder', path, true);
    else if (whole) walk.deed('delete.whole', 'folder', path, true);
  }
}

/** cp, mv, ln, install: the last operand, or the one of -t, is written. */
function copy(running: Running): void {
  const { walk, args, index, invocation } = running;
  const { options, rest } = readOptions(args, {
    flags: '',
    valued: invocation.name === 'install' ? 'tSmog' : 'tS',
    longValued: ['target-directory', 'suffix', 'mode', 'owner', 'group'],
    permute: true,
    lax: true,
  });
  const into = optionValue(options, 't', 'target-directory');
  const target = into ?? rest.at(-1);
  if (target === undefined || target === null) return;
  const sources = into === undefined || into === null ? rest.slice(0, -1) : rest;
  for (const source of sources) {
    // A link to a file says as much about it as reading it.
    walk.file(source, 'read', index);
    if (invocation.name === 'mv') walk.file(source, 'delete', index);
    if (sources.length > 0)
      walk.file(
        { text: `${target.text}/${source.text.split('/').at(-1) ?? ''}`, sure: target.sure },
        'write',
        index,
      );
  }
  walk.file(target, 'write', index);
  if (
    invocation.name === 'ln' &&
    sources.some(({ text }) => text === '/dev/null') &&
    isLogFile(resolvePath(target.text, walk.folder))
  )
    walk.deed('delete_logs', 'file', resolvePath(target.text, walk.folder));
  const mode = optionValue(options, 'm', 'mode');
  if (mode !== undefined && mode !== null && isSetuid(mode)) walk.deed('persistence', 'setuid', target.text);
}

const isSetuid = ({ text, sure }: Argument): boolean =>
  sure !== 'known' || /^0*[2467]\d{3}$|[ugoa]*[+=][rwxX]*s/.test(text);

function changeMode(running: Running): void {
  const { walk, args, index, invocation } = running;
  const [mode, ...files] = args.filter(({ text }) => !/^-[RcfvhHLP]+$|^--/.test(text));
  if (mode === undefined) return;
  const whole = looseOptions(args).has('R');
  for (const file of files) {
    walk.file(file, 'alter', index, whole);
    if (invocation.name === 'chmod' && isSetuid(mode))
      walk.deed('persistence', 'setuid', resolvePath(file.text, walk.folder));
  }
}

function dd({ walk, args, index }: Running): void {
  for (const { text, sure } of args) {
    const part = /^(if|of)=(.*)$/.exec(text);
    if (part !== null) walk.file({ text: part[2]!, sure }, part[1] === 'if' ? 'read' : 'write', index);
    else if (sure === 'unknown') walk.file({ text, sure }, 'write', index);
  }
}

const written = ({ walk, args, index }: Running): void => {
  for (const file of operandsOf(args, 'srdtm')) walk.file(file, 'write', index);
};

export const FILES: Handlers = {
  ...forNames('rm rmdir unlink shred srm wipe', remove),
  ...forNames('cp mv ln install', copy),
  ...forNames('tee touch truncate mkdir mknod mkfifo fallocate sponge mktemp patch csplit', written),
  split: (running) => {
    written(running);
    const { walk, args, index, inner } = running;
    args.forEach(({ text, sure }, at) => {
      if (!text.startsWith('--fil')) return;
      const code = text.includes('=') ? text.slice(text.indexOf('=') + 1) : args[at + 1]?.text;
      if (sure === 'known' && code !== undefined) walk.script(code, inner);
      else walk.opaque('arguments of a program that runs others are not known', 'split', index);
    });
  },
  ...forNames('chmod chown chgrp setfacl', changeMode),
  setcap: ({ walk, args }) => walk.deed('persistence', 'capability', args.map(({ text }) => text).join(' ')),
  ...forNames('chattr lockr', ({ walk, args, index }) => {
    for (const { text, sure } of args.slice(1)) {
      walk.file({ text, sure }, 'alter', index);
      if (isPersistenceFile(resolvePath(text, walk.folder)))
        walk.deed('persistence', 'file', resolvePath(text, walk.folder));
    }
  }),
  dd,
};
