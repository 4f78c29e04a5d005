/**
 * The vocabulary for command lines: every action and its risk class. The part before the dot is the action's name in the event
 * (schemas/avro/session-event.avsc), the part behind it only chooses the risk.
 */
import type { ActionRow } from '../../../policy/risk.ts';

export const ACTIONS = {
  execute: { risk: 'low', means: 'a program run that is known to change nothing by itself' },
  'execute.medium': {
    risk: 'medium',
    means: 'a program run that is not known, or a file that is no system program',
  },
  'execute.high': {
    risk: 'high',
    means: 'a program run that is made for attacks, or from a folder that all may write',
  },
  read: { risk: 'low', means: 'a file read' },
  'read.credentials': { risk: 'critical', means: 'a file read that holds credentials' },
  write: { risk: 'medium', means: 'a file written' },
  'write.low': { risk: 'low', means: 'output thrown away, or a file in a folder for temporary ones' },
  'write.system': { risk: 'high', means: 'a file of the system written' },
  'write.device': { risk: 'critical', means: 'a disk written' },
  delete: { risk: 'medium', means: 'files removed' },
  'delete.whole': { risk: 'high', means: 'folders removed with all below' },
  'delete.critical': { risk: 'critical', means: 'the system, or a whole home, removed' },
  alter: { risk: 'medium', means: 'owner, mode or attributes of a file changed' },
  'alter.system': { risk: 'high', means: 'owner, mode or attributes of a file of the system changed' },
  discover: { risk: 'low', means: 'the system, its users, processes, hardware or network looked at' },
  privilege_escalation: { risk: 'high', means: 'something run as somebody else (sudo, su, doas, pkexec)' },
  persistence: {
    risk: 'high',
    means: 'something that runs later or lets in: authorized_keys, cron, systemd, profiles, setuid',
  },
  tunnel: { risk: 'high', means: 'a connection through or out of the target that carries others' },
  remote: { risk: 'medium', means: 'a command or a login on another host' },
  download: { risk: 'medium', means: 'something fetched from the network' },
  export: { risk: 'medium', means: 'data sent to the network' },
  'obfuscate.medium': { risk: 'medium', means: 'something decoded' },
  obfuscate: { risk: 'high', means: 'code that was encoded, or a name that is disguised' },
  delete_logs: { risk: 'critical', means: 'logs or the history of a shell removed, emptied or stopped' },
  role_change: { risk: 'high', means: 'an account or its password made or changed' },
  install: { risk: 'medium', means: 'software installed or removed' },
  admin: { risk: 'high', means: 'services, kernel, mounts, firewall or power of the machine' },
  'admin.medium': { risk: 'medium', means: 'processes ended' },
  'admin.critical': {
    risk: 'critical',
    means: 'disks formatted, the machine stopped, protection switched off',
  },
  opaque_code: { risk: 'high', means: 'code that the gateway cannot see into' },
} as const satisfies Readonly<Record<string, ActionRow>>;

export type ActionKind = keyof typeof ACTIONS;
