/** Loads the analysis of commands, files and terminals, once for a listener. */
import type { SshAnalysis } from './analysis.ts';
import { createSftpRequests } from './sftp-requests/create-sftp-requests.ts';
import { createCommandAnalyser } from './shell/analyse-command.ts';
import { createTerminalLines } from './terminal/create-terminal-lines.ts';

export async function createSshAnalysis(): Promise<SshAnalysis> {
  return { commands: await createCommandAnalyser(), createSftpRequests, createTerminalLines };
}
