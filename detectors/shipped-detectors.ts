/** All detectors in the order they run: baselines first, since rules ask for the facts they establish. */
import { BASELINES } from './baselines/registry.ts';
import type { Detector } from './detector.ts';
import { rulesError } from './rules/errors.ts';
import { libraryFolder, loadRules } from './rules/index.ts';

/** Baselines, the shipped rules, and those of the folders. Throws the first mistake, naming file, line and reason. */
export function createShippedDetectors(ruleFolders: readonly string[] = []): Detector[] {
  const { rules, errors } = loadRules([libraryFolder, ...ruleFolders]);
  const [first] = errors;
  if (first !== undefined)
    throw rulesError(first.code, { file: first.file, line: first.line, reason: first.reason });
  return [...BASELINES, ...rules.map(({ detector }) => detector)];
}
