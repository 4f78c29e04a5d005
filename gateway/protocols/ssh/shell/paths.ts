/** Paths as the target would resolve them, without asking it: links stay unseen. */

/** What stands for a folder that is not known. */
export const UNKNOWN_FOLDER = '?';

/** Absolute path, or one from the login folder; `.` and `..` resolved. Names of other users' folders (`~root`) stay. */
export function resolvePath(path: string, folder: string): string {
  if (path === '') return folder;
  if (path.startsWith('/')) return normalise(path);
  if (path === '~' || path.startsWith('~/')) return normalise(path);
  if (/^~[\w.-]+(\/|$)/.test(path) || path.startsWith('$')) return normalise(path);
  return normalise(`${folder}/${path}`);
}

function normalise(path: string): string {
  const absolute = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > (absolute ? 0 : 1)) out.pop();
    // Above the login folder nobody knows where one is.
    else if (!absolute) out[0] = UNKNOWN_FOLDER;
  }
  if (absolute) return `/${out.join('/')}`;
  return out.length === 0 ? UNKNOWN_FOLDER : out.join('/');
}

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Folders of programs that the system brings. */
export const isSystemProgram = (path: string): boolean =>
  !path.includes('/') || /^\/(usr\/(local\/)?)?s?bin\/[^/]+$/.test(path);

const SECRET_FILES = [
  /^\/etc\/(g?shadow-?|sudoers(\.d\/.*)?|krb5\.keytab|ssh\/ssh_host_[^/]*_key|ssl\/private(\/.*)?|security\/opasswd)$/,
  /(^|\/)\.ssh\/(?!known_hosts|config|authorized_keys|.*\.pub$)[^/]+$/,
  /(^|\/)\.(aws\/credentials|azure\/[^/]+|config\/gcloud\/.*|kube\/config|docker\/config\.json|netrc|pgpass|my\.cnf|git-credentials|vault-token|gnupg\/.*|npmrc|pypirc)$/,
  /(^|\/)(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks|keytab|kdbx))$/,
  /(^|\/)(\.env(\.[\w-]+)?|credentials\.json|secrets?\.ya?ml|wp-config\.php|htpasswd|\.htpasswd)$/,
  /^\/proc\/(\d+|self|\*)\/environ$/,
  /^\/(var\/lib\/(docker|kubelet|rancher)\/.*|run\/secrets\/.*)$/,
];
/** Files that hold credentials. */
export const isSecretFile = (path: string): boolean => SECRET_FILES.some((pattern) => pattern.test(path));

const LOG_FILES =
  /^\/(var\/(log|adm|run)\/(.*(log|wtmp|btmp|utmp|messages|syslog|secure|auth|journal|audit|maillog).*)|run\/(utmp|log\/.*)|var\/log)(\/.*|\*)?$|(^|\/)\.(\w+_)?history$|(^|\/)\.(zsh|bash|sh|mysql|psql|python|node_repl)_?history$|(^|\/)\.lesshst$|(^|\/)\.viminfo$/;
/** Logs of the system and histories of shells. */
export const isLogFile = (path: string): boolean => LOG_FILES.test(path) || /^\/var\/log(\/|$)/.test(path);

const PERSISTENCE_FILES = [
  /(^|\/)\.ssh(\/(authorized_keys2?|rc|environment|config))?$/,
  /^\/etc\/(cron[^/]*(\/.*)?|anacrontab|rc\.local|rc\d?\.d\/.*|init\.d\/.*|inittab|profile(\.d\/.*)?|bash\.bashrc|environment|ld\.so\.(preload|conf(\.d\/.*)?)|pam\.d\/.*|sudoers(\.d\/.*)?|passwd|group|shadow|ssh\/.*|systemd\/.*|xdg\/autostart\/.*|update-motd\.d\/.*|udev\/.*|modules(-load\.d\/.*)?|apt\/apt\.conf\.d\/.*|security\/.*)$/,
  /^\/(var\/spool\/(cron|at)|usr\/lib\/systemd|lib\/systemd|usr\/lib\/security)(\/.*)?$/,
  /(^|\/)\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|kshrc|cshrc|tcshrc|login|inputrc|vimrc|exrc|gitconfig|tmux\.conf|screenrc|pam_environment|xinitrc|xprofile|npmrc|pythonstartup)$/,
  /(^|\/)\.config\/(systemd|autostart|fish)(\/.*)?$/,
  /\/\.git\/hooks\/[^/]+$/,
];
/** Files that make something run later or let somebody in. */
export const isPersistenceFile = (path: string): boolean =>
  PERSISTENCE_FILES.some((pattern) => pattern.test(path));

/** Files of the system itself. */
export const isSystemFile = (path: string): boolean =>
  /^\/(etc|usr|bin|sbin|lib\w*|boot|sys|proc|dev\/(sd|nvme|vd|xvd|hd|mapper|mem|kmem|disk)|var\/lib)(\/|\w|$)/.test(
    path,
  ) && !/^\/dev\/(null|zero|u?random|std\w+|fd\/|tty\w*|shm)/.test(path);
