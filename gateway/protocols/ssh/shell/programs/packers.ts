/** Archives, compressors and coders. */
import { forNames, type Handlers, type Running } from './handler.ts';
import { looseOptions, operandsOf } from './options.ts';

const STRANGE = 'arguments of a program that runs others are not known';

function runTar(running: Running): void {
  const { walk, args, index, inner } = running;
  // The first word needs no dash: `tar xzf a.tgz`.
  const words = args.map((argument, place) =>
    place === 0 && /^[a-zA-Z]+$/.test(argument.text) ? { ...argument, text: `-${argument.text}` } : argument,
  );
  const letters = looseOptions(words);
  words.forEach(({ text, sure }, at) => {
    const long =
      /^--(checkpoint-action|to-command|use-compress-program|rsh-command|rmt-command|info-script|new-volume-script|us\w*|to-c\w*|checkpoint-a\w*|rs\w*|rm\w*|info\w*|new-v\w*)(?:=(.*))?$/.exec(
        text,
      );
    const value = long === null ? null : (long[2] ?? words[at + 1]?.text ?? '');
    if (value !== null) {
      const code = value.replace(/^exec=/, '');
      if (sure === 'known' && !/^(dot|echo|bell|ttyout|sleep)/.test(code)) walk.script(code, inner);
      else if (sure !== 'known') walk.opaque(STRANGE, 'tar', index);
    }
    const program = /^-[a-zA-Z]*[IF](.*)$/.exec(text);
    if (program !== null && !text.startsWith('--')) {
      const code = program[1] === '' ? words[at + 1] : { text: program[1]!, sure };
      if (code?.sure === 'known') walk.script(code.text, inner);
      else walk.opaque(STRANGE, 'tar', index);
    }
    if (sure === 'unknown' && !/^[/~.\w]/.test(text)) walk.opaque(STRANGE, 'tar', index);
  });
  const at = words.findIndex(({ text }) => /^-[a-zA-Z]*f$/.test(text));
  const archive =
    words.find(({ text }) => text.startsWith('--file='))?.text.slice(7) ??
    (at === -1 ? undefined : words[at + 1]?.text);
  const makes = letters.has('c') || letters.has('r') || letters.has('u') || letters.has('create');
  if (archive !== undefined) walk.file(archive, makes ? 'write' : 'read', index);
  // A host before the colon: over rsh.
  if (archive !== undefined && /^[\w.@-]+:/.test(archive))
    walk.deed('export', 'host', archive.split(':')[0]!);
  if (letters.has('x') || letters.has('extract')) {
    const into = words.findIndex(({ text }) => text === '-C');
    walk.file(into === -1 ? './' : (words[into + 1]?.text ?? './'), 'write', index, true);
    // What lies in the archive may be any name.
    walk.file({ text: '', sure: 'unknown' }, 'write', index);
  }
}

export const PACKERS: Handlers = {
  ...forNames('tar bsdtar gtar', runTar),
  ...forNames('zip', (running) => {
    const { walk, args, inner, index } = running;
    const at = args.findIndex(({ text }) => /^(-TT|--unzip-command|--unzip-comm\w*)$/.test(text));
    if (at !== -1) {
      if (args[at + 1]?.sure === 'known') walk.script(args[at + 1]!.text, inner);
      else walk.opaque(STRANGE, 'zip', index);
    }
    if (args.some(({ text }) => /^-\w*TT.+|^--unzip-command=/.test(text))) walk.opaque(STRANGE, 'zip', index);
    const [archive] = operandsOf(args);
    if (archive !== undefined) walk.file(archive, 'write', index);
    walk.secret(args[args.findIndex(({ text }) => text === '-P') + 1]?.text ?? '');
  }),
  ...forNames('unzip 7z 7za rar unrar cpio pax ar', ({ walk, args, index }) => {
    for (const { text } of args) {
      const password = /^-p(.+)$/.exec(text);
      if (password !== null) walk.secret(password[1]!);
    }
    if (args.some(({ text }) => /^--?(rsh-command|to-command)/.test(text)))
      walk.opaque(STRANGE, 'archive', index);
    walk.file('./', 'write', index, true);
  }),
  openssl: ({ walk, args, index }) => {
    const texts = args.map(({ text }) => text);
    const options = looseOptions(args);
    if (texts[0] === 'enc' || texts[0] === 'base64')
      walk.deed(options.has('d') ? 'obfuscate.medium' : 'execute', 'encoding', texts[0]);
    if (texts[0] === 's_client' || texts[0] === 's_server')
      walk.deed('tunnel', 'program', texts.slice(0, 6).join(' '));
    if (texts.some((text) => /^-(engine|provider-path|config)$/.test(text)))
      walk.opaque(STRANGE, 'openssl', index);
    texts.forEach((text, at) => {
      const pass = /^pass:(.+)$/.exec(text);
      if (pass !== null) walk.secret(pass[1]!);
      if ((text === '-k' || text === '-K') && texts[at + 1] !== undefined) walk.secret(texts[at + 1]!);
      if (text === '-out' && texts[at + 1] !== undefined) walk.file(texts[at + 1]!, 'write', index);
      if (text === '-in' && texts[at + 1] !== undefined) walk.file(texts[at + 1]!, 'read', index);
    });
  },
};
