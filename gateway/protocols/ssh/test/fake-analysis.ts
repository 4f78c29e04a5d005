/** An analysis that knows enough for tests of the data path: what a line holds, no more. */
import type {
  CommandAnalysis,
  SftpFromClient,
  SshAnalysis,
  TerminalInput,
  TerminalLine,
} from '../analysis.ts';

const analysisOf = (text: string, denied: boolean): CommandAnalysis => ({
  text,
  actions: [
    { action: 'execute', objectKind: 'program', object: text.split(' ')[0] ?? '', columns: [], whole: false },
  ],
  objects: [],
  risk: 'low',
  fingerprint: text,
  programs: [text.split(' ')[0] ?? ''],
  opaque: null,
  ...(denied ? { forcedDenial: { rule: 'exec-only', reason: 'not permitted' } } : {}),
});

export const fakeAnalysis: SshAnalysis = {
  commands: {
    analyse: (text, { lists }) =>
      analysisOf(
        text,
        (lists.deny ?? []).some((pattern) => text.includes(pattern)),
      ),
  },
  createSftpRequests: () => ({
    fromClient: (bytes): SftpFromClient[] => [{ kind: 'pass', bytes }],
    fromTarget: (bytes) => ({ bytes: [bytes], ended: [] }),
    close: () => [],
  }),
  createTerminalLines() {
    let line = '';
    return {
      output() {},
      input(bytes): TerminalInput[] {
        const steps: TerminalInput[] = [];
        for (const byte of bytes) {
          const piece = Buffer.from([byte]);
          if (byte !== 13) {
            line += piece.toString('latin1');
            steps.push({ kind: 'pass', bytes: piece });
            continue;
          }
          const typed: TerminalLine = { text: line, context: 'shell', certain: true };
          line = '';
          steps.push({ kind: 'submit', bytes: piece, line: () => Promise.resolve(typed) });
        }
        return steps;
      },
      resize() {},
      // No interrupt: bash may take it with the next line only, and swallows that line's first key then.
      discard: Buffer.from([5, 21]),
      close() {},
    };
  },
};
