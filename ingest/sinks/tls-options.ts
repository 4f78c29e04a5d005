/** TLS of a sink's connection. Files are read each time they are asked for, so that a renewed certificate is taken up. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { readTlsFiles } from '../../platform/network/tls-files.ts';
import type { SinkTls } from '../../schemas/config/sinks.ts';
import { sinkError } from './errors.ts';

/** Throws SINK_INVALID with the file that cannot be read. */
export function readTlsOptions(name: string, tls: SinkTls): ConnectionOptions {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw sinkError('SINK_INVALID', { name, reason: `${file} cannot be read` }, error);
    }
  };
  if ((tls.certificateFile === undefined) !== (tls.keyFile === undefined))
    throw sinkError('SINK_INVALID', { name, reason: 'tls.certificateFile and tls.keyFile belong together' });
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...readTlsFiles(tls, read),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}
