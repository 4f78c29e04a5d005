/** Programs that fetch and send over the network. */
import type { Argument } from '../command-line.ts';
import { baseName } from '../paths.ts';
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, optionValue, readOptions, type Option } from './options.ts';

const URL_LIKE = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:[^@/\s]*@)?(\[[\da-f:]+\]|[\w.-]+)(?::(\d+))?(\/.*)?$/i;

/** Notes where a URL leads. */
function noteUrl({ walk }: Running, { text, sure }: Argument): void {
  const url = URL_LIKE.exec(text);
  if (url === null || sure === 'unknown') return walk.destination(text.slice(0, 200));
  walk.destination(url[2]!, url[3] === undefined ? null : Number(url[3]));
}

const valuesOf = (options: readonly Option[], ...names: readonly string[]): readonly Argument[] =>
  options.flatMap(({ name, value }) => (names.includes(name) && value !== null ? [value] : []));

const CURL_LONG =
  'request data data-raw data-binary data-urlencode form form-string header user proxy-user output upload-file url config user-agent referer cookie cookie-jar cert key cacert capath proxy connect-timeout max-time retry retry-delay range write-out interface dump-header trace trace-ascii stderr netrc-file resolve connect-to limit-rate max-redirs oauth2-bearer aws-sigv4 unix-socket engine json output-dir preproxy socks5 socks4 key-type pass ciphers tlsuser tlspassword hostpubmd5 pubkey doh-url quote'.split(
    ' ',
  );

function runCurl(running: Running): void {
  const { walk, args, index } = running;
  const { options, rest } = readOptions(args, {
    flags: '',
    valued: 'XdFHuUoTKAebcEmrwDxyYzPCQ',
    longValued: CURL_LONG,
    permute: true,
    lax: true,
  });
  for (const { text, sure } of valuesOf(
    options,
    'u',
    'user',
    'U',
    'proxy-user',
    'tlspassword',
    'pass',
    'oauth2-bearer',
  )) {
    const colon = text.indexOf(':');
    if (sure === 'known') walk.secret(colon === -1 ? text : text.slice(colon + 1));
  }
  for (const { text } of valuesOf(options, 'b', 'cookie')) if (text.includes('=')) walk.secret(text);
  for (const file of valuesOf(
    options,
    'o',
    'output',
    'c',
    'cookie-jar',
    'D',
    'dump-header',
    'trace',
    'trace-ascii',
    'stderr',
  ))
    walk.file(file, 'write', index);
  if (hasOption(options, 'K', 'config', 'engine'))
    walk.opaque('arguments of a program that runs others are not known', 'curl', index);
  const urls = [...rest, ...valuesOf(options, 'url')];
  if (hasOption(options, 'O', 'remote-name', 'remote-name-all', 'J'))
    for (const { text } of urls) walk.file(baseName(text.split('?')[0]!) || '.', 'write', index);
  const sent = valuesOf(options, 'd', 'data', 'data-binary', 'data-urlencode', 'F', 'form', 'json').filter(
    ({ text }) => text.includes('@'),
  );
  const uploads = valuesOf(options, 'T', 'upload-file');
  for (const { text, sure } of [...sent, ...uploads])
    walk.file({ text: text.replace(/^[^@]*@/, '').split(';')[0]!, sure }, 'read', index);
  for (const url of urls) {
    noteUrl(running, url);
    if (/^file:/i.test(url.text)) walk.file(url.text.replace(/^file:\/\//i, ''), 'read', index);
    walk.deed(sent.length + uploads.length > 0 ? 'export' : 'download', 'url', withoutQuery(url.text));
  }
}

const withoutQuery = (url: string): string => url.replace(/\/\/[^@/]*@/, '//').split('?')[0]!;

function runWget(running: Running): void {
  const { walk, args, index, inner } = running;
  const { options, rest } = readOptions(args, {
    flags: '',
    valued: 'OoaPUiBtTwQlADIXRe',
    longValued: [
      'output-document',
      'output-file',
      'append-output',
      'directory-prefix',
      'user-agent',
      'input-file',
      'tries',
      'timeout',
      'wait',
      'header',
      'post-data',
      'post-file',
      'body-file',
      'body-data',
      'method',
      'user',
      'password',
      'http-user',
      'http-password',
      'ftp-user',
      'ftp-password',
      'proxy-user',
      'proxy-password',
      'use-askpass',
      'execute',
      'config',
      'limit-rate',
      'load-cookies',
      'save-cookies',
    ],
    permute: true,
    lax: true,
  });
  for (const { text } of valuesOf(options, 'password', 'http-password', 'ftp-password', 'proxy-password'))
    walk.secret(text);
  const askpass = optionValue(options, 'use-askpass');
  if (askpass !== undefined && askpass !== null) walk.run([askpass], inner);
  if (hasOption(options, 'e', 'execute', 'config', 'i', 'input-file'))
    walk.opaque('arguments of a program that runs others are not known', 'wget', index);
  const out = valuesOf(
    options,
    'O',
    'output-document',
    'o',
    'output-file',
    'a',
    'append-output',
    'save-cookies',
  );
  for (const file of out) walk.file(file, 'write', index);
  const folder = optionValue(options, 'P', 'directory-prefix')?.text;
  const sent = valuesOf(options, 'post-file', 'body-file');
  for (const file of sent) walk.file(file, 'read', index);
  for (const url of rest) {
    noteUrl(running, url);
    if (out.length === 0)
      walk.file(
        `${folder === undefined ? '' : `${folder}/`}${baseName(url.text.split('?')[0]!) || 'index.html'}`,
        'write',
        index,
      );
    walk.deed(sent.length > 0 ? 'export' : 'download', 'url', withoutQuery(url.text));
  }
}

/** nc, socat, telnet: a connection with whatever at its ends. */
function runPipe(running: Running): void {
  const { walk, args, index, inner, invocation } = running;
  const text = args.map((argument) => argument.text).join(' ');
  walk.deed('tunnel', 'program', `${invocation.name} ${text}`.slice(0, 200));
  const socat = /\b(?:EXEC|SYSTEM|SHELL):"?'?([^,"']+)/i.exec(text);
  if (socat !== null) walk.script(socat[1]!, inner);
  const { options, rest } = readOptions(args, {
    flags: '',
    valued: 'ecpswiIXxOTVmgGo',
    longValued: ['exec', 'sh-exec', 'lua-exec', 'source', 'source-port', 'wait', 'proxy'],
    permute: true,
    lax: true,
  });
  const program = optionValue(options, 'e', 'c', 'exec', 'sh-exec', 'lua-exec');
  if (program !== undefined && program !== null && invocation.name !== 'telnet') {
    walk.opaque('code from standard input', `${invocation.name} gives ${program.text} to the network`, index);
    if (program.sure === 'known') walk.script(program.text, { ...inner, stdin: { kind: 'text', text: '' } });
  }
  const [host, port] = rest;
  if (host !== undefined && invocation.name !== 'socat')
    walk.destination(host.text, Number(port?.text) || null);
  for (const match of text.matchAll(/\b(?:TCP[46]?|UDP|OPENSSL|SSL)(?:-CONNECT)?:([^:,\s]+):(\d+)/gi))
    walk.destination(match[1]!, Number(match[2]));
}

export const FETCHERS: Handlers = {
  curl: runCurl,
  wget: runWget,
  ...forNames('aria2c axel lwp-download lwp-request fetch GET POST', (running) => {
    for (const argument of running.args)
      if (/:\/\//.test(argument.text)) {
        noteUrl(running, argument);
        running.walk.deed('download', 'url', withoutQuery(argument.text));
        running.walk.file(baseName(argument.text), 'write', running.index);
      }
  }),
  ...forNames('tftp ftp lftp ftpget ftpput ncftpget', (running) => {
    const { walk, args, index, invocation } = running;
    walk.deed(
      /put/.test(invocation.name) || args.some(({ text }) => text === '-p' || text === 'put')
        ? 'export'
        : 'download',
      'host',
      args.find(({ text }) => !text.startsWith('-'))?.text ?? null,
    );
    for (const argument of args)
      if (/^[\w-]+(\.[\w-]+)+$|:\/\//.test(argument.text)) noteUrl(running, argument);
    if (args.some(({ text }) => text.includes('!')) || running.scope.stdin.kind !== 'client')
      walk.opaque('code of an interpreter', invocation.name, index);
    if (args.some(({ text }) => /^-[ec]$/.test(text)) && invocation.name === 'lftp')
      walk.opaque('code of an interpreter', 'lftp', index);
    const local = args.findIndex(({ text }) => text === '-l' || text === '-O');
    if (local !== -1 && args[local + 1] !== undefined) walk.file(args[local + 1]!, 'write', index);
    else walk.file({ text: 'fetched', sure: 'unknown' }, 'write', index);
  }),
  ...forNames('nc ncat netcat socat telnet', runPipe),
  ...forNames(
    'chisel ligolo frpc frps ngrok gost cloudflared autossh openvpn',
    ({ walk, args, invocation }) =>
      walk.deed(
        'tunnel',
        'program',
        `${invocation.name} ${args.map(({ text }) => text).join(' ')}`.slice(0, 200),
      ),
  ),
};
