/** Version of this program, from its package. */
import { readFileSync } from 'node:fs';

// Compiled, it stands one folder deeper.
const file = new URL(
  import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
  import.meta.url,
);

export const programVersion = (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
