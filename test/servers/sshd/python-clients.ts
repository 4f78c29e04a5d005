/** SSH clients in Python: paramiko, asyncssh, Ansible. */
import { pythonPackages } from '../python-packages.ts';

/** Folder with python, ansible and the like; undefined where they cannot be had here. */
export const pythonClients = (): string | undefined =>
  pythonPackages('python-ssh-1', ['paramiko==5.1.0', 'asyncssh==2.24.1', 'ansible-core==2.19.14']);
