/** A program that stands where a client looks for sftp-server: the inspector, and OpenSSH's own server behind it. Options as JSON in the first argument; what ended goes to the file of the second. */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import type { SftpOptions } from '../../analysis.ts';
import { createSftpRequests } from '../create-sftp-requests.ts';

const [options = '{}', log = '/dev/null', server = '/usr/lib/openssh/sftp-server'] = process.argv.slice(2);
const sftp = createSftpRequests(JSON.parse(Buffer.from(options, 'hex').toString()) as SftpOptions);
const child = spawn(server, [], { stdio: ['pipe', 'pipe', 'inherit'] });
const note = (what: unknown): void => appendFileSync(log, `${JSON.stringify(what)}\n`);

process.stdin.on('data', (bytes: Buffer) => {
  for (const item of sftp.fromClient(bytes)) {
    if (item.kind === 'pass') child.stdin.write(item.bytes);
    else if (item.kind === 'reply') process.stdout.write(item.reply);
    else if (item.kind === 'broken') process.exit(3);
    else {
      const { analysis, operation } = item.operation;
      note({ operation, text: analysis.text, denied: analysis.forcedDenial?.reason ?? null });
      if (analysis.forcedDenial === undefined) child.stdin.write(item.bytes);
      else process.stdout.write(item.refusal(analysis.forcedDenial.reason));
    }
  }
});
process.stdin.on('end', () => child.stdin.end());
child.stdout.on('data', (bytes: Buffer) => {
  const { bytes: packets, ended } = sftp.fromTarget(bytes);
  for (const packet of packets) process.stdout.write(packet);
  for (const { operation, status, bytes: moved, digest } of ended)
    note({ ended: operation, status, bytes: moved, digest: digest?.toString('hex') ?? null });
});
child.on('exit', () => process.stdout.end());
