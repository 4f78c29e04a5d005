/** More programs that run another with other surroundings; options that are not known are taken for flags. */
import type { Handlers } from './handler.ts';
import { wrapper } from './wrapper.ts';

export const PLAIN_WRAPPERS: Handlers = {
  ...Object.fromEntries(
    ['linux32', 'linux64', 'i386', 'x86_64', 'eatmydata', 'chronic', 'ifne', 'catchsegv', 'fakechroot'].map(
      (name) => [name, wrapper({ flags: 'ivRBFILSTXZ3n', valued: '', lax: true })],
    ),
  ),
  setarch: wrapper({ flags: 'vRBFILSTXZ3', valued: 'p', operands: 1, lax: true }),
  prlimit: wrapper({ flags: 'vh', valued: 'p', longValued: ['pid'], lax: true }),
  choom: wrapper({ flags: '', valued: 'np', lax: true }),
  'aa-exec': wrapper({ flags: 'dvi', valued: 'pn', longValued: ['profile', 'namespace'], lax: true }),
  'systemd-inhibit': wrapper({ flags: '', valued: '', lax: true }),
  'systemd-cat': wrapper({ flags: '', valued: 'tp', lax: true }),
  trickle: wrapper({ flags: 's', valued: 'dulLtnp', lax: true }),
};
