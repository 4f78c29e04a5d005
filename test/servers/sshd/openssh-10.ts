/** Clients and server of OpenSSH 10, unpacked from Debian 13 beside the machine's own, once, into the cache of the test servers. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';

/** The programs and the libraries that they are linked with. */
const PACKAGES = [
  'openssh-client',
  'libc6',
  'libssl3t64',
  'libfido2-1',
  'libselinux1',
  'libgssapi-krb5-2',
  'libedit2',
  'zlib1g',
  'libcom-err2',
  'libkrb5-3',
  'libk5crypto3',
  'libkrb5support0',
  'libkeyutils1',
  'libcbor0.10',
  'libpcre2-8-0',
  'libbsd0',
  'libtinfo6',
  'libmd0',
  'libudev1',
  'libcap2',
  'libzstd1',
  'openssh-server',
  'openssh-sftp-server',
  'libpam0g',
  'libaudit1',
  'libcap-ng0',
  'libcrypt1',
  'libwrap0',
  'libnsl2',
  'libtirpc3t64',
  'libsystemd0',
  'liblzma5',
  'liblz4-1',
  'libgcrypt20',
  'libgpg-error0',
  'libwtmpdb0',
  'libsqlite3-0',
];
const SOURCE = 'deb http://deb.debian.org/debian trixie main';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A folder with ssh, scp, sftp and sshd of OpenSSH 10; undefined where it cannot be had. */
export function openssh10(): string | undefined {
  const folder = cacheFolder('openssh-10-2');
  const bin = join(folder, 'bin');
  if (existsSync(join(bin, 'ssh'))) return bin;
  if (!existsSync('/usr/bin/apt-get') || process.arch !== 'x64') return undefined;
  console.error('Unpacking OpenSSH 10 from Debian 13 into the cache of the test servers, once ...');
  rmSync(folder, { recursive: true, force: true });
  for (const part of ['lists/partial', 'cache/archives/partial', 'debs', 'root', 'bin'])
    mkdirSync(join(folder, part), { recursive: true });
  const config = join(folder, 'apt.conf');
  // Signed by the archive's keys where this machine has those of Debian 13, else by the older ones that sign it, too.
  writeFileSync(join(folder, 'sources.list'), SOURCE.replace('deb ', `deb [signed-by=${KEYRING}] `));
  writeFileSync(
    config,
    [
      `Dir::Etc::sourcelist "${folder}/sources.list";`,
      'Dir::Etc::sourceparts "-";',
      `Dir::State::lists "${folder}/lists";`,
      `Dir::Cache "${folder}/cache";`,
      'APT::Sandbox::User "root";',
      '',
    ].join('\n'),
  );
  const run = (program: string, args: readonly string[], cwd = folder): boolean =>
    spawnSync(program, args, { stdio: ['ignore', 2, 2], cwd }).status === 0;
  const debs = join(folder, 'debs');
  const unpacked =
    run('apt-get', ['-c', config, 'update', '-qq']) &&
    run('apt-get', ['-c', config, 'download', '-qq', ...PACKAGES], debs) &&
    globSync('*.deb', { cwd: debs }).every((deb) => run('dpkg-deb', ['-x', deb, '../root'], debs));
  if (!unpacked) return undefined;
  const root = join(folder, 'root');
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  // Last of all ssh: a half-done folder is made anew.
  const loader = `${libraries}/ld-linux-x86-64.so.2 --library-path ${libraries}`;
  for (const path of [
    'sbin/sshd',
    'lib/openssh/sshd-session',
    'lib/openssh/sshd-auth',
    'lib/openssh/sftp-server',
    'bin/ssh-keygen',
    'bin/scp',
    'bin/sftp',
    'bin/ssh',
  ])
    writeFileSync(join(bin, basename(path)), `#!/bin/sh\nexec ${loader} ${root}/usr/${path} "$@"\n`, {
      mode: 0o755,
    });
  for (const part of ['lists', 'cache', 'debs']) rmSync(join(folder, part), { recursive: true, force: true });
  return bin;
}
