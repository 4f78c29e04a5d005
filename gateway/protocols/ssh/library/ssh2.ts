import { loadLibrary } from './post-quantum.ts';

/** The library, loaded behind what has to be there before it. Everybody in this folder takes it from here. */
export const ssh2 = loadLibrary();
