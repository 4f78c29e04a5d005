/** An sshd that sees files of its own in place of the machine's (a mount namespace, root only): accounts' passwords, a systemd of the account. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NamespaceOptions {
  /** Password of the current user. */
  readonly password?: string;
  /** Whether the account has a `systemd --user`, as a login by PAM would start it. */
  readonly systemd?: boolean;
}

const SYSTEMD = ['/lib/systemd/systemd', '/usr/lib/systemd/systemd'].find((path) => existsSync(path));

/** Why there can be none here; false where there can. */
export function lacksNamespace({ systemd = false }: NamespaceOptions = {}): string | false {
  if (process.getuid?.() !== 0 || spawnSync('unshare', ['-m', 'true']).status !== 0)
    return 'mount namespaces are for root';
  return systemd && SYSTEMD === undefined && 'systemd not found on this machine';
}

/** The command line that runs `command` in it; files go into `folder`. */
export function inNamespace(
  folder: string,
  user: string,
  { password, systemd = false }: NamespaceOptions,
  command: readonly string[],
): string[] {
  const steps: string[] = ['set -e'];
  if (password !== undefined) {
    const shadow = join(folder, 'shadow');
    const { stdout } = spawnSync('openssl', ['passwd', '-6', '-stdin'], {
      input: `${password}\n`,
      encoding: 'utf8',
    });
    const lines = readFileSync('/etc/shadow', 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(`${user}:`));
    writeFileSync(shadow, `${[...lines, `${user}:${stdout.trim()}:19000:0:99999:7:::`].join('\n')}\n`, {
      mode: 0o600,
    });
    steps.push(`mount --bind ${shadow} /etc/shadow`);
  }
  if (systemd)
    steps.push(
      // It only runs where it looks as if systemd had started the machine.
      'mkdir -p /run/systemd /run/user',
      'mount -t tmpfs none /run/systemd',
      'mkdir /run/systemd/system',
      'mount -t tmpfs none /run/user',
      'mkdir -m 700 "/run/user/$(id -u)"',
      `XDG_RUNTIME_DIR="/run/user/$(id -u)" setpriv --pdeathsig KILL ${SYSTEMD} --user --unit=basic.target >/dev/null 2>&1 &`,
      'until [ -S "/run/user/$(id -u)/systemd/private" ]; do sleep 0.05; done',
    );
  return ['unshare', '-m', 'sh', '-c', `${steps.join('\n')}\nexec "$@"`, 'sh', ...command];
}
