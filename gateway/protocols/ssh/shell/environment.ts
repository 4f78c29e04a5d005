/** Variables that change which programs run, or what they run. */
import { holdsCode } from './holds-code.ts';
import type { Argument } from './command-line.ts';
import type { Walk } from './found.ts';

const DANGEROUS =
  /^(LD_\w+|DYLD_\w+|PATH|ENV|BASH_ENV|BASH_FUNC_.*|BASH_CMDS|BASH_ALIASES|BASH_LOADABLES_PATH|SHELLOPTS|BASHOPTS|PS[0-4]|PROMPT_COMMAND|PROMPT|RPROMPT|HOME|SHELL|CDPATH|FPATH|ZDOTDIR|TERMINFO|TERMINFO_DIRS|GLIBC_TUNABLES|GCONV_PATH|HOSTALIASES|MALLOC_\w+|(\w+_)?PAGER|\w*EDITOR|VISUAL|BROWSER|LESS(OPEN|CLOSE|KEY\w*)?|MANROFFOPT|MANOPT|GIT_\w+|SSH_ASKPASS\w*|SUDO_ASKPASS|RSYNC_RSH|RSYNC_CONNECT_PROG|CVS_RSH|PYTHON\w+|PERL5?\w+|PERLLIB|RUBY\w+|NODE_\w+|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|PHPRC|PHP_INI_SCAN_DIR|LUA_\w+|R_PROFILE\w*|AWKPATH|AWKLIBPATH|TAR_OPTIONS|TAPE|GREP_OPTIONS|MAKEFLAGS|MAKEFILES|EXINIT|VIMINIT|PSQLRC|PSQL_EDITOR\w*|MYSQL_HISTFILE|OPENSSL_CONF|OPENSSL_ENGINES|XDG_CONFIG_(HOME|DIRS)|KUBECONFIG|DOCKER_HOST|command_not_found_handle)$/;
const HISTORY = /^(HISTFILE|HISTSIZE|HISTFILESIZE|SAVEHIST|HISTIGNORE|HISTCONTROL|HISTFILESIZE)$/;

/** Whether setting the variable can change what runs. */
export const isDangerousVariable = (name: string): boolean => DANGEROUS.test(name);

/** Notes an assignment: opaque where it changes what runs; a value that arithmetic could run is remembered. */
export function checkAssignment(walk: Walk, name: string, value: Argument, by: number | null): void {
  if (isDangerousVariable(name) && !isAppended(name, value))
    walk.opaque('environment that changes what runs', name, by);
  if (HISTORY.test(name) && (name !== 'HISTCONTROL' || /ignore(both|space)/.test(value.text)))
    if (!isOrdinaryHistory(name, value)) walk.deed('delete_logs', 'history', name);
  // `a[$(rm f)]` hidden in a value, for arithmetic, `${!x}` or `declare -n` to find.
  if (value.sure !== 'known' || !/^-?\d*$/.test(value.text)) walk.tainted.add(name);
  if (value.sure === 'known' && holdsCode(value.text)) walk.opaque('arithmetic that may run code', name, by);
  if (isSecretName(name) && value.sure === 'known') walk.secret(value.text);
}

/** PATH with folders behind it finds all that was found before, at the same place. */
const isAppended = (name: string, { text }: Argument): boolean =>
  name === 'PATH' && /^\$(PATH|\{PATH\})(:\/(usr|opt|snap|usr\/local)[\w./-]*)+$/.test(text);

const isOrdinaryHistory = (name: string, { text, sure }: Argument): boolean =>
  sure === 'known' &&
  ((/SIZE$|SAVEHIST/.test(name) && /^[1-9]\d{2,}$/.test(text)) ||
    (name === 'HISTCONTROL' && text === 'ignoreboth'));

/** Names of variables and options that hold secrets. */
export const isSecretName = (name: string): boolean =>
  /pass(w|wd|word|phrase)?$|passwd|password|passphrase|secret|token|api_?key|access_?key|private_?key|credential|^(MYSQL_PWD|PGPASSWORD|SSHPASS|RESTIC_PASSWORD|BORG_PASSPHRASE)$/i.test(
    name,
  ) &&
  !/[-_](file|command|cmd|env|stdin|manager|policy|length|name|id|path|url|only|type|ttl|store|prompt)$|^(SSH|SUDO)_ASKPASS/i.test(
    name,
  );
