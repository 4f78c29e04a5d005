import { dirname } from 'node:path';
import type { Clock, Random } from '../clock/clock.ts';
import type { Disk } from './disk.ts';
import { createSimulatedFile, type Inode, type SimulatedWorld } from './simulated-file.ts';

export interface SimulatedDiskOptions {
  /** Longest time that an asynchronous read, write or flush takes, milliseconds; 0 completes in a microtask. */
  readonly latencyMsMax: number;
  /** Bytes that the disk holds. */
  readonly capacityBytes: number;
}

/** A disk in memory with faults on demand, for the simulator. The same seed gives the same faults. */
export interface SimulatedDisk extends Disk {
  /**
   * `kill`: the process died; what was appended stays. `power`: what was not flushed is dropped or torn (a random prefix stays, and
   * its end may be garbage), and names not made durable by syncFolder are forgotten from a random point on. Files open before are
   * dead: they fail with EIO, and what they had under way never completes.
   */
  crash(kind: 'kill' | 'power'): void;
  /** The disk as one process sees it: after the next crash everything on it fails with EIO, so that the dead leave no traces. */
  boot(): Disk;
  /** Sets how much the disk holds; appends past it fail with ENOSPC. */
  setCapacity(bytes: number): void;
  /** Bytes held. */
  usedBytes(): number;
  /** The next `count` flushes fail with EIO. */
  failFlushes(count: number): void;
  /** Inverts the bits of one stored byte. */
  corrupt(path: string, position: number): void;
}

interface NameChange {
  folder: string;
  apply(names: Map<string, Inode>): void;
}

const noEntry = (path: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });

/** Makes an empty disk; `random` decides what a power cut leaves and how long completions take. */
export function createSimulatedDisk(
  deps: { readonly clock: Clock; readonly random: Random },
  options: Partial<SimulatedDiskOptions> = {},
): SimulatedDisk {
  const { clock, random } = deps;
  const latencyMsMax = options.latencyMsMax ?? 0;
  let capacity = options.capacityBytes ?? Number.MAX_SAFE_INTEGER;
  let generation = 0;
  let flushFailures = 0;
  let names = new Map<string, Inode>();
  let durableNames = new Map<string, Inode>();
  let changes: NameChange[] = [];
  const folders = new Set<string>();

  const used = (): number => {
    let total = 0;
    for (const inode of new Set(names.values())) total += inode.length;
    return total;
  };
  const change = (folder: string, apply: (names: Map<string, Inode>) => void): void => {
    apply(names);
    changes.push({ folder, apply });
  };
  const world: SimulatedWorld = {
    generation: () => generation,
    spare: () => capacity - used(),
    complete(work) {
      const born = generation;
      return new Promise((resolve, reject) => {
        const finish = (): void => {
          if (born !== generation) return;
          try {
            resolve(work());
          } catch (error) {
            reject(error);
          }
        };
        if (latencyMsMax === 0) queueMicrotask(finish);
        else clock.after(Math.ceil(random.float() * latencyMsMax), finish);
      });
    },
    flushFails() {
      if (flushFailures === 0) return false;
      flushFailures -= 1;
      return true;
    },
  };
  const tear = (inode: Inode): void => {
    const keep = inode.durable + Math.floor(random.float() * (inode.length - inode.durable + 1));
    if (random.float() < 0.5 && keep > inode.durable)
      inode.data.fill(0, inode.durable + Math.floor(random.float() * (keep - inode.durable)), keep);
    inode.length = keep;
    inode.durable = keep;
  };

  const disk: SimulatedDisk = {
    boot() {
      const born = generation;
      const alive = (): SimulatedDisk => {
        if (born !== generation) throw Object.assign(new Error('EIO: the machine crashed'), { code: 'EIO' });
        return disk;
      };
      return {
        open: (path) => alive().open(path),
        list: (folder) => alive().list(folder),
        exists: (path) => alive().exists(path),
        makeFolder: (path) => alive().makeFolder(path),
        remove: (path) => alive().remove(path),
        rename: (from, to) => alive().rename(from, to),
        syncFolder: (path) => alive().syncFolder(path),
      };
    },
    open(path) {
      let inode = names.get(path);
      if (inode === undefined) {
        if (!folders.has(dirname(path))) throw noEntry(path);
        const made: Inode = { data: Buffer.alloc(256), length: 0, durable: 0 };
        inode = made;
        change(dirname(path), (map) => map.set(path, made));
      }
      return createSimulatedFile(world, inode);
    },
    list(folder) {
      const prefix = folder.endsWith('/') ? folder : `${folder}/`;
      const found = new Set<string>();
      for (const path of [...names.keys(), ...folders])
        if (path.startsWith(prefix)) found.add(path.slice(prefix.length).split('/')[0]!);
      return [...found].sort();
    },
    exists: (path) => names.has(path) || folders.has(path),
    makeFolder(path) {
      for (let at = path; !folders.has(at); at = dirname(at)) folders.add(at);
    },
    remove(path) {
      const inside = [...names.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
      for (const name of inside) change(dirname(name), (map) => map.delete(name));
      for (const folder of folders)
        if (folder === path || folder.startsWith(`${path}/`)) folders.delete(folder);
    },
    rename(from, to) {
      const inode = names.get(from);
      if (inode === undefined) throw noEntry(from);
      change(dirname(to), (map) => {
        map.delete(from);
        map.set(to, inode);
      });
    },
    syncFolder(path) {
      // As a journalling file system does: what came before the last change of this folder is durable with it.
      const last = changes.findLastIndex((entry) => entry.folder === path);
      for (const entry of changes.slice(0, last + 1)) entry.apply(durableNames);
      changes = changes.slice(last + 1);
    },
    crash(kind) {
      generation += 1;
      if (kind === 'kill') return;
      for (const entry of changes.slice(0, Math.floor(random.float() * (changes.length + 1))))
        entry.apply(durableNames);
      changes = [];
      names = durableNames;
      durableNames = new Map(names);
      for (const inode of new Set(names.values())) tear(inode);
    },
    setCapacity(bytes) {
      capacity = bytes;
    },
    usedBytes: used,
    failFlushes(count) {
      flushFailures = count;
    },
    corrupt(path, position) {
      const inode = names.get(path);
      if (inode === undefined || position >= inode.length) throw noEntry(path);
      inode.data[position] = inode.data[position]! ^ 0xff;
    },
  };
  return disk;
}
