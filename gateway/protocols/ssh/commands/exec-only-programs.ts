import { RUNS_OTHERS } from '../shell/programs/names.ts';
import { plainName } from '../shell/programs/registry.ts';

/** Whether a program passes only with fixed arguments. Programs by a path of their own are what the list's author knows them to be. */
export const runsOthers = (name: string): boolean =>
  RUNS_OTHERS.has(name) || RUNS_OTHERS.has(plainName(name)) || plainName(name) === 'ld.so';
