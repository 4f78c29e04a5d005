/** What touching a file means: credentials, logs, what runs later, the system. */
import type { FileTouch } from './command-line.ts';
import type { Deed } from './found.ts';
import { isLogFile, isPersistenceFile, isSecretFile, isSystemFile } from './paths.ts';

const THROWN_AWAY = /^\/dev\/(null|stdout|stderr|tty|fd\/\d+)$/;
const DISK = /^\/dev\/(sd|nvme|vd|xvd|hd|mapper|mem|kmem|disk|md)/;

/** Deeds that follow from one file. */
export function fileDeeds({ path, use, whole }: FileTouch): readonly Deed[] {
  const deed = (kind: Deed['kind'], objectKind = 'file'): Deed => ({ kind, objectKind, object: path, whole });
  switch (use) {
    case 'read':
      if (THROWN_AWAY.test(path)) return [];
      if (isSecretFile(path)) return [deed('read.credentials')];
      if (
        /^\/proc\/(cpuinfo|meminfo|version|mounts|net\/|self\/status|uptime|loadavg)|^\/etc\/(passwd|group|os-release|issue|hostname|hosts|resolv\.conf|fstab|[\w-]*release)$/.test(
          path,
        )
      )
        return [deed('read'), deed('discover')];
      return [deed('read')];
    case 'write':
      if (THROWN_AWAY.test(path)) return [];
      if (DISK.test(path)) return [deed('write.device')];
      if (isLogFile(path)) return [deed('write'), deed('delete_logs')];
      if (isPersistenceFile(path)) return [deed('write.system'), deed('persistence')];
      if (isSystemFile(path)) return [deed('write.system')];
      return [deed(/^\/(tmp|var\/tmp|dev\/shm)\//.test(path) ? 'write.low' : 'write')];
    case 'delete':
      if (isLogFile(path)) return [deed('delete'), deed('delete_logs')];
      if (isPersistenceFile(path)) return [deed('delete'), deed('persistence')];
      return [deed('delete')];
    case 'alter':
      if (isPersistenceFile(path)) return [deed('alter.system'), deed('persistence')];
      return [deed(isSystemFile(path) || isSecretFile(path) ? 'alter.system' : 'alter')];
    default:
      return [];
  }
}
