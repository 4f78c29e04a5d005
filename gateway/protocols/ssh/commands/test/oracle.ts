/**
 * The target's effect as oracle: lines run in real shells (bash and dash) in a folder of their own, where `canary` is a script that leaves
 * a mark. Whether a line ran it is asked of the marks, not of any reading of the line.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LINE_SECONDS = 4;
const BATCH = 250;

export interface Oracle {
  /** For each line, whether some shell ran the denied program. */
  run(lines: readonly string[], shells?: readonly string[]): boolean[];
  close(): void;
}

/** `$DIRECTORY` and `$LINKS` in lines stand for folders of the oracle: where `canary` is, and where `ls` is a link to it. */
export function createOracle(): Oracle {
  const home = mkdtempSync(join(tmpdir(), 'countersign-oracle-'));
  const [bin, links, marks, work] = ['bin', 'links', 'marks', 'work'].map((name) => join(home, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [bin, links, marks, work]) mkdirSync(folder);
  const canary = join(bin, 'canary');
  writeFileSync(canary, `#!/bin/sh\n: > "${marks}/$CANARY_MARK"\ncat > /dev/null 2>&1 < /dev/null\n`);
  // Programs that need a privilege or a terminal are replaced by what they do in the end: run their command.
  writeFileSync(
    join(bin, 'sudo'),
    '#!/bin/sh\nwhile :; do case $1 in -u) shift 2;; --) shift; break;; -*) shift;; *) break;; esac; done\nexec "$@"\n',
  );
  for (const file of [canary, join(bin, 'sudo')]) chmodSync(file, 0o755);
  for (const name of ['ls', 'true']) symlinkSync(canary, join(links, name));
  const path = `${bin}:${process.env['PATH'] ?? ''}`;
  return {
    run(lines, shells = ['bash', 'dash']) {
      const ran = lines.map(() => false);
      for (const shell of shells)
        for (let start = 0; start < lines.length; start += BATCH) {
          const batch = lines.slice(start, start + BATCH);
          batch.forEach((line, at) => writeFileSync(join(work, `${at}.sh`), line));
          // One process drives a batch; each line is its own `shell -c`, as sshd would start it.
          const driver = `i=0; while [ $i -lt ${batch.length} ]; do CANARY_MARK=$i timeout -k 1 ${LINE_SECONDS} ${shell} -c "$(<"${work}/$i.sh")" </dev/null >/dev/null 2>&1; i=$((i+1)); done`;
          spawnSync('bash', ['-c', driver], {
            cwd: work,
            env: { PATH: path, HOME: work, DIRECTORY: bin, LINKS: links, TERM: 'dumb' },
            timeout: batch.length * LINE_SECONDS * 1000,
          });
          batch.forEach((_, at) => {
            const mark = join(marks, String(at));
            if (existsSync(mark)) ran[start + at] = true;
          });
          for (const mark of readdirSync(marks)) rmSync(join(marks, mark));
        }
      return ran;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}
