/** The machine itself: services, accounts, packages, kernel, processes. */
import { forNames, type Handler, type Handlers } from './handler.ts';
import { DISCOVERY } from './names.ts';
import { looseOptions } from './options.ts';

const text = (args: readonly { readonly text: string }[]): string =>
  args
    .map((argument) => argument.text)
    .join(' ')
    .slice(0, 200);

const looksAround: Handler = ({ walk, invocation }) => walk.deed('discover', 'program', invocation.name);
const administers: Handler = ({ walk, args, invocation }) =>
  walk.deed('admin', 'program', `${invocation.name} ${text(args)}`.trim());

/** Shows where it is asked nothing else. */
const showsOr =
  (shows: RegExp, handler: Handler): Handler =>
  (running) =>
    running.args.length === 0 || shows.test(text(running.args)) ? looksAround(running) : handler(running);

const accounts: Handler = ({ walk, args, invocation, index }) => {
  walk.deed(
    'role_change',
    'account',
    args.findLast((argument) => !argument.text.startsWith('-'))?.text ?? invocation.name,
  );
  const at = args.findIndex((argument) => argument.text === '-p' || argument.text === '--password');
  if (at !== -1 && args[at + 1]?.sure === 'known') walk.secret(args[at + 1]!.text);
  if (
    args.some((argument) => /^(-o|--non-unique)$/.test(argument.text)) &&
    args.some((argument) => argument.text === '0')
  )
    walk.deed('persistence', 'account', 'uid 0');
  if (invocation.name === 'chsh' || args.some((argument) => argument.text === '-s'))
    walk.file('/etc/passwd', 'write', index);
};

const stops: Handler = ({ walk, args, invocation }) => {
  const said = text(args);
  const protection =
    /(auditd|rsyslog|syslog|fail2ban|apparmor|selinux|falco|osquery|wazuh|ossec|crowdstrike|falcon|clamav|ufw|firewalld|iptables|aegis|aliyun|cloudmonitor|qcloud|yunjing|sysmon)/i.test(
      said,
    );
  walk.deed(
    protection && /stop|kill|disable|mask|off|remove|purge|-9|F\b/.test(`${invocation.name} ${said}`)
      ? 'admin.critical'
      : 'admin',
    'service',
    said,
  );
};

const installs: Handler = ({ walk, args, invocation, inner, index }) => {
  const said = text(args);
  walk.deed('install', 'package', said);
  // Hooks and options of package managers run programs.
  if (/::(Pre|Post)-Invoke|--post-invoke|-o\s*\S*=|--install-script|--script-shell|-c\s+\S*=/i.test(said))
    walk.opaque('arguments of a program that runs others are not known', invocation.name, index);
  if (
    /^(npx|pipx|uvx|bunx|pnpx)$/.test(invocation.name) ||
    /^(exec|x|run|dlx|run-script|explore|start|test)\b/.test(said)
  ) {
    walk.opaque('code of an interpreter', `${invocation.name} ${said}`, index);
    const at = args.findIndex((argument) => argument.text === '-c' || argument.text === '--call');
    if (at !== -1 && args[at + 1]?.sure === 'known') walk.script(args[at + 1]!.text, inner);
  }
};

export const SYSTEM: Handlers = {
  ...forNames(
    [...DISCOVERY]
      .filter((name) => !['ip', 'mount', 'dmesg', 'ifconfig', 'route', 'arp'].includes(name))
      .join(' '),
    looksAround,
  ),
  ...forNames('ifconfig route arp ip', ({ walk, args, inner, invocation }) => {
    const at = args.findIndex(({ text: word }) => word === 'exec');
    if (invocation.name === 'ip' && at !== -1) walk.run(args.slice(at + 2), inner);
    if (
      args.some(({ text: word }) =>
        /^(add|del|delete|set|flush|up|down|replace|-b|-batch|-force)$/.test(word),
      )
    )
      walk.deed('admin', 'network', text(args));
    else walk.deed('discover', 'program', invocation.name);
  }),
  ...forNames('systemctl', ({ walk, args, index, invocation, inner, scope }) => {
    const said = text(args);
    if (/^(--\S+\s+)*(status|is-\w+|list-\S+|show|cat|get-default)\b/.test(said))
      return walk.deed('discover', 'service', said);
    if (
      /\b(enable|link|edit|add-wants|add-requires|set-environment|import-environment|set-property)\b/.test(
        said,
      )
    )
      walk.deed('persistence', 'service', said);
    if (/\bedit\b|set-environment/.test(said)) walk.opaque('code of an interpreter', 'systemctl', index);
    stops({ walk, args, index, invocation, inner, scope });
  }),
  ...forNames('service initctl rc-service chkconfig update-rc.d rc-update svc sv', (running) => {
    if (/\b(status|--status-all)\b/.test(text(running.args))) return looksAround(running);
    if (/chkconfig|rc\.d|rc-update/.test(running.invocation.name))
      running.walk.deed('persistence', 'service', text(running.args));
    stops(running);
  }),
  ...forNames(
    'useradd adduser userdel deluser usermod groupadd groupdel groupmod gpasswd chsh chfn chage newusers passwd',
    accounts,
  ),
  chpasswd: ({ walk, scope }) => {
    walk.deed('role_change', 'account', 'chpasswd');
    if (scope.stdin.kind === 'text')
      for (const line of scope.stdin.text.split('\n'))
        if (line.includes(':')) walk.secret(line.slice(line.indexOf(':') + 1));
  },
  ...forNames(
    'apt apt-get aptitude dpkg yum dnf zypper rpm apk pacman emerge snap flatpak brew opkg pip pip3 pipx npm npx yarn pnpm gem cargo go conda poetry uv composer cpan cpanm luarocks nix-env easy_install',
    (running) => {
      if (
        /^(list|show|search|info|config|--version|-V|-v|-l|-L|-q\w*|version|env|view|outdated|freeze)\b/.test(
          text(running.args),
        ) ||
        running.args.length === 0
      )
        return;
      installs(running);
    },
  ),
  ...forNames('mount', showsOr(/^-l$|^-t \w+$/, administers)),
  ...forNames('iptables ip6tables nft ufw firewall-cmd setenforce', (running) => {
    const said = text(running.args);
    if (/^(-L|-S|list|status|--list|--state|-n|-vnL|-nvL|-nL)/.test(said)) return looksAround(running);
    running.walk.deed(
      /^(-F|-X|flush|disable|0\b|--flush)|-P \w+ ACCEPT/.test(said) ||
        running.invocation.name === 'setenforce'
        ? 'admin.critical'
        : 'admin',
      'firewall',
      said,
    );
  }),
  ...forNames(
    'umount swapon swapoff losetup insmod modprobe rmmod kmod depmod sysctl ldconfig telinit kexec grub-install update-grub dmsetup hwclock timedatectl hostnamectl loginctl machinectl resolvectl update-alternatives auditctl semanage aa-disable aa-teardown renice dmesg',
    (running) => {
      const said = text(running.args);
      if (running.invocation.name === 'dmesg' && !/(^|\s)-[a-zA-Z]*[cC]|--clear/.test(said))
        return looksAround(running);
      if (running.invocation.name === 'dmesg') return running.walk.deed('delete_logs', 'log', 'dmesg');
      if (running.invocation.name === 'sysctl' && /^(-a|-n|[\w.]+$)/.test(said)) return looksAround(running);
      if (/^(insmod|modprobe|kmod)$/.test(running.invocation.name))
        running.walk.deed('persistence', 'kernel module', said);
      administers(running);
    },
  ),
  ...forNames('shutdown reboot halt poweroff init', ({ walk, args, invocation }) =>
    walk.deed('admin.critical', 'machine', `${invocation.name} ${text(args)}`.trim()),
  ),
  ...forNames(
    'mkfs mkfs.ext4 mkfs.ext3 mkfs.xfs mkfs.btrfs mkswap fdisk parted sgdisk wipefs blkdiscard cfdisk cryptsetup',
    (running) => {
      if (/(^|\s)(-l|--list|print)\b/.test(text(running.args))) return looksAround(running);
      running.walk.deed('admin.critical', 'device', text(running.args));
    },
  ),
  ...forNames('kill pkill killall kill5 skill xkill fuser', ({ walk, args, invocation }) => {
    const said = text(args);
    if (said.startsWith('-l')) return;
    walk.deed(
      /(auditd|syslog|fail2ban|falco|osquery|wazuh|aegis)/i.test(said) || said.endsWith('-1')
        ? 'admin.critical'
        : 'admin.medium',
      'process',
      `${invocation.name} ${said}`,
    );
  }),
  journalctl: ({ walk, args }) => {
    const options = looseOptions(args);
    if ([...options].some((name) => name.startsWith('vacuum') || name === 'rotate'))
      return walk.deed('delete_logs', 'log', 'journal');
    walk.deed('read', 'log', 'journal');
  },
  ...forNames('logrotate utmpdump', (running) => {
    running.walk.deed('admin', 'log', running.invocation.name);
    if (running.invocation.name === 'logrotate')
      running.walk.opaque('code from a file', 'logrotate', running.index);
  }),
};
