/** Clients of databases: secrets in arguments, statements that run programs. */
import { forNames, type Handlers, type Running } from './handler.ts';
import { readsUnseenCode } from './shells.ts';
import { optionValue, readOptions } from './options.ts';

/** Ways out of a client into a shell. */
const ESCAPES =
  /\\!|\\[ogiwe]\s*\||\\copy[\s\S]*program|\bprogram\b|^\s*(system|shell)\b|\.(shell|system|load|import|output|once|excel)|load_extension|xp_cmdshell|edit\(|writefile\(|\bhost\b|sys_exec|\\e\b/im;

function runClient(running: Running): void {
  const { walk, args, index, invocation, scope } = running;
  const isMysql = /^(mysql|mariadb|mysqldump|mysqladmin|mysqlimport)/.test(invocation.name);
  const { options, rest } = readOptions(args, {
    flags: '',
    valued: isMysql ? 'hPuDeSr' : 'hUpdcfvnPRFTo',
    longValued: [
      'host',
      'port',
      'user',
      'username',
      'dbname',
      'database',
      'command',
      'file',
      'execute',
      'set',
      'variable',
      'eval',
    ],
    permute: true,
    lax: true,
  });
  const host = optionValue(options, 'h', 'host');
  if (host?.text !== undefined && !/^(localhost|127\.|\/|::1)/.test(host.text)) walk.destination(host.text);
  // mysql's password stands in the same word.
  for (const { text, sure } of args) {
    const password = isMysql ? /^-p(.+)$|^--password=(.+)$/.exec(text) : null;
    if (password !== null && sure === 'known') walk.secret(password[1] ?? password[2]!);
  }
  if (/^(redis-cli|mongo|mongosh|mongodump)$/.test(invocation.name)) {
    const at = args.findIndex(({ text }) => /^(-a|--pass|-p|--password)$/.test(text));
    if (at !== -1 && args[at + 1]?.sure === 'known') walk.secret(args[at + 1]!.text);
  }
  const texts = args.map(({ text }) => text).join('\n');
  if (ESCAPES.test(texts)) walk.opaque('code of an interpreter', invocation.name, index);
  const pager = args.some(({ text }) => /^--pager=|^-P\s*pager=|pager/i.test(text));
  if (pager) walk.opaque('arguments of a program that runs others are not known', invocation.name, index);
  if (options.some(({ name }) => name === 'f' || name === 'file'))
    walk.opaque('code from a file', invocation.name, index);
  const said = options.some(({ name }) =>
    ['c', 'e', 'command', 'execute', 'l', 'list', 'version', 'V', 'eval'].includes(name),
  );
  if (
    !said &&
    rest.length < 2 &&
    (scope.stdin.kind === 'unknown' || scope.stdin.kind === 'file' || readsUnseenCode(running))
  )
    walk.opaque('code from standard input', invocation.name, index);
  if (scope.stdin.kind === 'text' && ESCAPES.test(scope.stdin.text))
    walk.opaque('code from standard input', invocation.name, index);
  walk.deed(
    'execute.medium',
    'database',
    rest.map(({ text }) => text).find((text) => /^[\w-]+$/.test(text)) ?? null,
  );
}

/** Dumps only read. */
function runDump({ walk, args, invocation }: Running): void {
  for (const { text, sure } of args) {
    const password = /^-p(.+)$|^--password=(.+)$/.exec(text);
    if (password !== null && sure === 'known' && invocation.name.startsWith('my'))
      walk.secret(password[1] ?? password[2]!);
  }
  walk.deed('execute.medium', 'database', invocation.name);
}

export const DATABASES: Handlers = {
  ...forNames(
    'mysql mariadb psql sqlite3 sqlite mongo mongosh redis-cli sqlplus isql tsql cqlsh influx sqlcmd mysqladmin mysqlimport',
    runClient,
  ),
  ...forNames('mysqldump mariadb-dump pg_dump pg_dumpall mongodump', runDump),
};
