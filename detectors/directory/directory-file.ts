import type { Clock } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import { detectorsError } from '../errors.ts';
import { createReloadableDirectory } from './directory.ts';
import type { Directory } from '../detector.ts';

export interface DirectoryFileReader {
  readonly directory: Directory;
  /** Reads the file; rejects with DETECTORS_DIRECTORY_UNREADABLE or DETECTORS_DIRECTORY_INVALID. */
  load(): Promise<void>;
  /** Looks for changes until closed; a mistake is logged with file and line, and the old directory stays in force. */
  follow(): void;
  close(): void;
}

const PERIOD_MS = 10_000;

/** The directory of a file. `readText` reads it (platform/config or node:fs, as main sees fit). */
export function createDirectoryFile(
  deps: { readonly readText: (file: string) => Promise<string>; readonly clock: Clock; readonly log: Logger },
  file: string,
): DirectoryFileReader {
  const directory = createReloadableDirectory();
  let last: string | undefined;
  let timer: { cancel(): void } | undefined;
  let loading = false;
  const load = async (): Promise<void> => {
    let text: string;
    try {
      text = await deps.readText(file);
    } catch (error) {
      throw detectorsError(
        'DETECTORS_DIRECTORY_UNREADABLE',
        { file, reason: (error as Error).message },
        error,
      );
    }
    if (text === last) return;
    last = text;
    const problems = directory.reload(file, text);
    if (problems.length > 0)
      throw detectorsError('DETECTORS_DIRECTORY_INVALID', { problems: problems.join('; ') });
  };
  const look = async (): Promise<void> => {
    if (loading) return;
    loading = true;
    try {
      await load();
    } catch (error) {
      deps.log.error(
        { error, file },
        'the directory of people and accounts was not read again; the old one stays',
      );
    } finally {
      loading = false;
    }
  };
  return {
    directory,
    load,
    follow() {
      timer ??= deps.clock.every(PERIOD_MS, () => {
        look().catch((error: unknown) => deps.log.error({ error }, 'directory file'));
      });
    },
    close: () => timer?.cancel(),
  };
}
