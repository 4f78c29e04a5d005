/** What a connection needs on this machine: files of our own, and marked blocks in files of others. */
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { cliError } from '../errors.ts';
import { writePrivate } from '../login/login-file.ts';

/** A file that is ours as a whole. */
export interface OwnFile {
  readonly path: string;
  readonly content: string;
  /** 0600 where absent. */
  readonly mode?: number;
}

/** A part of a file that belongs to somebody else. Nothing outside of its marks is ever changed. */
export interface Block {
  readonly path: string;
  /** Stands in the marks; one block of a name in a file. */
  readonly mark: string;
  readonly content: string;
  /** Before everything else, where what comes first counts. */
  readonly atTop: boolean;
  /** Finds an entry of the same name outside of our marks. */
  readonly taken?: RegExp;
}

export interface Plan {
  readonly files: readonly OwnFile[];
  readonly blocks: readonly Block[];
  /** How it is used, for people. */
  readonly note: string;
}

const begin = (mark: string): string =>
  `# >>> countersign: ${mark} >>> written by \`countersign connect\`; changes here are lost`;
const end = (mark: string): string => `# <<< countersign: ${mark} <<<`;

interface Cut {
  readonly before: string;
  readonly after: string;
}

/** The text around a block of ours; undefined where there is none. Half a block is a mistake of somebody, and nothing is touched. */
function cutOut(text: string, { path, mark }: Pick<Block, 'path' | 'mark'>): Cut | undefined {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`# >>> countersign: ${mark} >>>`));
  const to = lines.indexOf(end(mark));
  if (from < 0 && to < 0) return undefined;
  if (from < 0 || to < from)
    throw cliError('CLI_CONNECT_FAILED', {
      name: mark,
      reason: `${path} holds only one of the marks of ${mark}`,
    });
  const join = (part: readonly string[]): string => (part.length === 0 ? '' : `${part.join('\n')}\n`);
  return { before: join(lines.slice(0, from)), after: lines.slice(to + 1).join('\n') };
}

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** The file of somebody else with our block in it; everything else as it was, byte by byte. */
export function withBlock(text: string, block: Block): string {
  const { mark, content, atTop, taken, path } = block;
  const cut = cutOut(text, block);
  const rest = cut === undefined ? text : cut.before + cut.after;
  if (taken?.test(rest) === true) throw cliError('CLI_CONNECT_TAKEN', { file: path, name: mark });
  const whole = `${begin(mark)}\n${content.replace(/\n*$/, '')}\n${end(mark)}\n`;
  if (cut !== undefined) return cut.before + whole + cut.after;
  if (atTop) return whole + rest;
  return rest === '' || rest.endsWith('\n') ? rest + whole : `${rest}\n${whole}`;
}

export function withoutBlock(text: string, block: Pick<Block, 'path' | 'mark'>): string {
  const cut = cutOut(text, block);
  return cut === undefined ? text : cut.before + cut.after;
}

/** A link of somebody's dotfiles stays one: what it leads to is written. */
function replaceText(path: string, text: string): void {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const target = isLink ? realpathSync(path) : path;
  const mode = statSync(target, { throwIfNoEntry: false })?.mode;
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  writePrivate(target, text, mode === undefined ? 0o600 : mode & 0o777);
}

/** Looks at everything first, so that either all of it is there or nothing was changed. */
export function applyPlan({ files, blocks }: Plan): void {
  const changed = blocks.map((block) => {
    const before = read(block.path);
    return { block, before, after: withBlock(before, block) };
  });
  for (const { path, content, mode } of files) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writePrivate(path, content, mode);
  }
  for (const { block, before, after } of changed) if (before !== after) replaceText(block.path, after);
}

/** Takes back what `applyPlan` wrote; a file of others that only held our block stays, empty. */
export function removePlan({
  files,
  blocks,
}: {
  files: readonly string[];
  blocks: readonly Pick<Block, 'path' | 'mark'>[];
}): void {
  for (const block of blocks) {
    if (!existsSync(block.path)) continue;
    const before = read(block.path);
    const after = withoutBlock(before, block);
    if (after !== before) replaceText(block.path, after);
  }
  for (const path of files) rmSync(path, { force: true });
}

/** For --print: what would be written, file by file. */
export const showPlan = ({ files, blocks }: Plan): string =>
  [
    ...files.map(({ path, content }) => `# ${path}\n${content}`),
    ...blocks.map(
      (block) => `# in ${block.path}${block.atTop ? ', at its top' : ''}\n${withBlock('', block)}`,
    ),
  ].join('\n');
