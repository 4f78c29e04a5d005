/**
 * The shell program that ends what a session left running on a target, and what it says about it. It runs as the session's own
 * account, so it can end what that account can, and no more.
 *
 * A process belongs to a session by its environment: sshd gives every process of a connection SSH_CONNECTION (four fields that no
 * other live connection has), which children inherit, also those that left the process group (setsid, nohup, disown). Where the
 * target accepts it (AcceptEnv COUNTERSIGN_SESSION), a variable of ours says the same behind address translation.
 */
import { redactTokens } from '../../../access/redact-tokens.ts';

/** A process may name itself as it likes; what could steer a terminal does not get into the trail. */
// eslint-disable-next-line no-control-regex
const printable = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?');

export interface LeftProcess {
  readonly pid: number;
  /** Unix session that it had made for itself or was in. */
  readonly unixSession: number;
  readonly command: string;
}

export interface SessionRemains {
  /** Ended now: they had outlived their process group. */
  readonly ended: readonly LeftProcess[];
  /** What waits outside of any process: at jobs, transient units. Not ended. */
  readonly found: readonly string[];
}

/** What begins anew while it is looked for is looked for again, so many times. */
const PASSES_MAX = 20;

/**
 * POSIX sh; reads calls of cs_end on its standard input. What is found is stopped at once, while the search goes on: a process that
 * lives for a few milliseconds and leaves another one behind would be gone when it is described and ended.
 */
export const PROGRAM = `exec 2>/dev/null
PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
if printf 'a\\0b\\0' | grep -qzxE b; then
  b= ; printf 'a\\n' | grep -q --line-buffered a && b=--line-buffered
  cs_list() { grep -lzxE $b -e "SSH_CONNECTION=$1" -e "COUNTERSIGN_SESSION=$2(\\.[0-9]+)?" /proc/[0-9]*/environ; }
else
  cs_list() { for e in /proc/[0-9]*/environ; do tr '\\0' '\\n' <$e | grep -qxE -e "SSH_CONNECTION=$1" -e "COUNTERSIGN_SESSION=$2(\\.[0-9]+)?" && echo $e; done; }
fi
cs_pass() {
  cs_list "$1" "$2" | {
    l= q=
    while read -r e; do
      p=\${e#/proc/} p=\${p%/environ} l=1
      kill -STOP $p && q="$q $p"
    done
    for p in $q; do
      s= ; read -r s </proc/$p/stat || continue
      s=\${s##*) }
      case $s in Z*|X*) continue ;; esac
      c=$(tr '\\0\\n' '  ' </proc/$p/cmdline)
      kill -9 $p || continue
      set -- $s
      printf 'P %s %s %.200s\\n' "$p" "$4" "$c"
    done
    [ -n "$l" ]
  }
}
cs_end() {
  m=$1 i=$2 n=0
  while cs_pass "$m" "$i"; do
    n=$((n+1))
    if [ $n -ge ${PASSES_MAX} ]; then
      echo "F processes that do not end, or begin anew as fast as they are ended"
      break
    fi
  done
  if command -v atq >/dev/null; then
    for j in $(atq | cut -f1); do
      at -c $j | tr -d '\\\\' | grep -qF -e "SSH_CONNECTION=$m" -e "COUNTERSIGN_SESSION=$i" && echo "F at job $j"
    done
  fi
  if command -v systemctl >/dev/null; then
    [ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)
    for w in --user --system; do
      systemctl $w --no-pager show -p Id -p Transient -p ActiveState -p Description '*.service' '*.scope' '*.timer'
    done | awk 'BEGIN { RS = ""; FS = "\\n" } {
      id = ""; d = ""; t = ""; a = ""
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^Id=/) id = substr($i, 4)
        if ($i ~ /^Description=/) d = substr($i, 13)
        if ($i ~ /^Transient=/) t = substr($i, 11)
        if ($i ~ /^ActiveState=/) a = substr($i, 13)
      }
      if (t == "yes" && a != "inactive" && id !~ /^(session-.*|init)\\.scope$/) print "F transient unit " id " (" substr(d, 1, 120) ")"
    }' | head -20
  fi
  echo "E"
}
echo "R"
`;

const MARKER = /^[0-9A-Fa-f.:%a-z]{1,64} \d{1,5} [0-9A-Fa-f.:%a-z]{1,64} \d{1,5}$/;
const VARIABLE = /^[0-9a-f-]{1,64}(\.\d{1,10})?$/;
/** For a call that goes by the variable only. */
export const NO_MARKER = '-';

/** One call; undefined where marker or variable are not what they must be (they become part of a program). */
export function callOf(marker: string, variable: string): string | undefined {
  if ((marker !== NO_MARKER && !MARKER.test(marker)) || !VARIABLE.test(variable)) return undefined;
  return `cs_end '${marker}' '${variable}'\n`;
}

/** Lines of one answer, up to and without its E. */
export function readRemains(lines: readonly string[]): SessionRemains {
  /** By pid: one that has been told to end is found again until it has. */
  const ended = new Map<number, LeftProcess>();
  const found: string[] = [];
  for (const line of lines) {
    const process = /^P (\d+) (\d+) ?(.*)$/.exec(line);
    if (process !== null)
      ended.set(Number(process[1]), {
        pid: Number(process[1]),
        unixSession: Number(process[2]),
        command: process[3]!.trim(),
      });
    else if (line.startsWith('F ')) found.push(line.slice(2, 200));
  }
  return { ended: [...ended.values()], found };
}

/** For the trail: what was found by the session's marks. */
export function describeRemains({ ended, found }: SessionRemains): string {
  const processes = ended
    .slice(0, 20)
    .map(
      ({ pid, unixSession, command }) =>
        `pid ${pid} (unix session ${unixSession}) ${redactTokens(printable(command))}`,
    );
  const parts = [
    ...(processes.length === 0 ? [] : [`ended on the target: ${processes.join('; ')}`]),
    ...(found.length === 0
      ? []
      : [
          `left for later, not ended: ${found
            .slice(0, 20)
            .map((text) => redactTokens(printable(text)))
            .join('; ')}`,
        ]),
  ];
  return parts.length === 0 ? 'nothing of the session was left on the target' : parts.join('. ');
}
