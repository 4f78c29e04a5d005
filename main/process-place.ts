/**
 * Where a process stands among its copies: its name, under which its log writers are fenced, and the folder that it holds. A process
 * with the gateway holds the data folder and is named for the gateway. Any other takes the first free place below it, so that copies of
 * one role can share a configuration; host and place together name it, also after a restart.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isCountersignError } from '../platform/errors/errors.ts';
import type { Config } from '../schemas/config/config.ts';
import { takeDataFolder } from './data-folder.ts';
import type { RoleName } from './roles.ts';

export interface ProcessPlace {
  /** Folder that this process alone holds. */
  readonly path: string;
  /** Unique among the processes that run: letters, digits, dashes. */
  readonly name: string;
  release(): void;
}

/** Copies of one set of roles on one machine and data folder. */
const PLACES_MAX = 100;
const NAME_CHARS_MAX = 62;

const plainName = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');

/** Name of the copy `number` of these roles on a host; short enough for a responder's instance. */
export function placeName(host: string, roles: readonly RoleName[], number: number): string {
  const tail = `${roles.join('-')}-${number}`;
  const head = plainName(host).slice(0, NAME_CHARS_MAX - tail.length - 1);
  return head === '' ? tail : `${head}-${tail}`;
}

/** Takes a place. Throws DATA_FOLDER_IN_USE where none is free. */
export function takePlace(
  config: Pick<Config, 'dataFolder' | 'gateway'>,
  roles: readonly RoleName[],
  host: string = hostname(),
): ProcessPlace {
  if (roles.includes('gateway')) {
    const folder = takeDataFolder(config.dataFolder);
    return { ...folder, name: plainName(config.gateway.id) };
  }
  const sorted = [...roles].sort();
  for (let number = 1; ; number += 1) {
    try {
      const folder = takeDataFolder(join(config.dataFolder, 'run', `${sorted.join('-')}-${number}`));
      return { ...folder, name: placeName(host, sorted, number) };
    } catch (error) {
      if (!isCountersignError(error, 'DATA_FOLDER_IN_USE') || number === PLACES_MAX) throw error;
    }
  }
}
