/** Variants of a denied command: quoting and grammar are mutated at random from a seed. Some of them are harmless; the oracle knows which. */

export interface Chance {
  (below: number): number;
}

/** Mulberry32: the same numbers from the same seed. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const pick = <T>(chance: Chance, list: readonly T[]): T => list[chance(list.length)]!;
const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const double = (text: string): string => `"${text.replace(/["\\$`]/g, '\\$&')}"`;
const octal = (character: string): string => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
const hex = (character: string): string => `\\x${character.charCodeAt(0).toString(16)}`;

/** One word in another dress; a shell sees the same. */
function dress(word: string, chance: Chance): string {
  const cut = 1 + chance(word.length - 1);
  const [left, right] = [word.slice(0, cut), word.slice(cut)];
  return pick(chance, [
    () => word,
    () => single(word),
    () => double(word),
    () => `${left}''${right}`,
    () => `${left}""${right}`,
    () => `'${left}'"${right}"`,
    () => `${left}\\${right}`,
    () => `${left}\\\n${right}`,
    () => word.replace(/./g, '\\$&'),
    () => `$'${word.replace(/./g, (character) => (chance(2) === 0 ? octal(character) : hex(character)))}'`,
    () => `$"${word}"`,
    () => `{${word},}`.replace(',}', ',x}'),
    () => `${left}$none${right.startsWith('_') ? '' : '""'}${right}`,
    () => `${left}\${none}${right}`,
    () => `${left}$@${right}`,
    () => `${left}$(true)${right}`,
    () => `${left}\`true\`${right}`,
    () => `$(echo ${left})${right}`,
    () => `$(printf %s ${word})`,
    () => `\${none:-${word}}`,
    () => `"\${none-${word}}"`,
    () => `$DIRECTORY/${word}`,
    () => `$DIRECTORY/./../bin/${left}?${right.slice(1)}`,
    () => `$DIRECTORY/${left}*`,
  ])();
}

const base64 = (code: string): string => Buffer.from(code).toString('base64');
const WRAPS: readonly ((code: string, chance: Chance) => string)[] = [
  (code) => `ls; ${code}`,
  (code) => `true && ${code}`,
  (code) => `ls /none || ${code}`,
  (code) => `echo a | ${code}`,
  (code) => `ls\n${code}`,
  (code) => `ls & ${code}`,
  (code) => `(${code})`,
  (code) => `{ ${code}\n}`,
  (code) => `if true; then ${code}\nfi`,
  (code) => `for i in 1; do ${code}\ndone`,
  (code) => `case a in *) ${code}\n;; esac`,
  (code) => `f() { ${code}\n}; f`,
  (code) => `! ${code}`,
  (code) => `A=1 ${code}`,
  (code) => `> /dev/null ${code}`,
  (code) => `${code} > /dev/null 2>&1`,
  (code) => `echo $(${code})`,
  (code) => `echo "a $(${code}) b"`,
  (code) => `A=$(${code})`,
  (code) => `cat <<E\n$(${code})\nE`,
  (code) => `sh <<'E'\n${code}\nE`,
  (code) => `echo \${none:-$(${code})}`,
  (code) => `: $((1 + $(${code}\necho 1)))`,
  (code) => `sh -c ${single(code)}`,
  (code) => `bash -c ${single(code)}`,
  (code) => `bash +x -ec ${double(code)}`,
  (code) => `eval ${single(code)}`,
  (code) => `eval ${double(code)}`,
  (code) => `trap ${single(code)} EXIT`,
  (code) => `env ${code}`,
  (code) => `env -u A B=1 ${code}`,
  (code) => `nohup ${code}`,
  (code) => `nice -n 1 ${code}`,
  (code) => `timeout 3 ${code}`,
  (code) => `command ${code}`,
  (code) => `exec ${code}`,
  (code) => `echo x | xargs ${code}`,
  (code) => `find /etc -maxdepth 0 -exec ${code} \\;`,
  (code) => `echo ${single(code)} | sh`,
  (code) => `printf '%s' ${single(code)} | bash`,
  (code) => `echo ${base64(code)} | base64 -d | sh`,
  (code) => `sh -c "$(echo ${base64(code)} | base64 -d)"`,
  (code) => `cat <(${code})`,
  (code) => `bash <<< ${single(code)}`,
  (code) => `[[ -n $(${code}) ]]`,
  (code) => `awk ${single(`BEGIN { system(${JSON.stringify(code.replaceAll('\n', ';'))}) }`)}`,
  (code) => `sudo ${code}`,
  (code) => `stdbuf -o0 ${code}`,
  (code) => `setsid -w ${code}`,
  (code) => `x=${single(code)}; eval "$x"`,
  (code) => `set -- ${code}; "$@"`,
  // Harmless: the command is only text. A gateway may let these through, and the oracle says whether that was right.
  (code) => `echo ${single(code)}`,
  (code) => `echo ${double(code)}`,
  (code) => `grep ${single(code)} /etc/hosts`,
  (code) => `ls # ${code.replaceAll('\n', ' ')}`,
  (code) => `echo ${code.replaceAll(/['"$`\\\n;&|()<>{}]/g, '')}`,
  (code) => `echo '${code}`,
  (code) => `echo "${code}"`,
  (code) => `echo ${code} | cat`,
  (code) => `cat '${code}' "a" | wc -l`,
  (code) => `ls ${code}`,
  (code) => `echo a && echo '${code}'`,
];

/** One variant of `canary x`. */
export function variantOf(chance: Chance): string {
  let code = `${dress('canary', chance)} ${chance(3) === 0 ? dress('x1', chance) : 'x'}`;
  const layers = 1 + chance(3);
  for (let layer = 0; layer < layers; layer++) code = pick(chance, WRAPS)(code, chance);
  // Now and then a character is lost, doubled or changed, as an attacker who tries things would.
  if (chance(4) === 0) code = scratch(code, chance);
  return code;
}

function scratch(code: string, chance: Chance): string {
  const at = chance(code.length);
  const [before, after] = [code.slice(0, at), code.slice(at + 1)];
  return pick(chance, [
    () => before + after,
    () => before + code[at]! + code[at]! + after,
    () =>
      before +
      pick(chance, [
        "'",
        '"',
        '\\',
        '\n',
        ';',
        '&',
        '|',
        ' ',
        '$',
        '`',
        '(',
        ')',
        '#',
        '~',
        '\t',
        '{',
        '}',
        '=',
      ]) +
      code.slice(at),
  ])();
}
