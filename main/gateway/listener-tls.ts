import { readFileSync } from 'node:fs';
import { isLoopback } from '../../platform/network/address.ts';
import type { TlsIdentity } from '../../gateway/protocols/protocol.ts';
import type { ListenerConfig } from '../../schemas/config/listener.ts';
import { mainError } from '../errors.ts';
import { loopbackCertificate } from '../tls.ts';

/** The certificate of a listener: the configured one, or on loopback one that is made and kept. Throws LISTENER_TLS_REQUIRED. */
export async function listenerTls(
  config: Pick<ListenerConfig, 'host' | 'certificateFile' | 'keyFile'>,
  dataFolder: string,
  nowMs: number,
): Promise<TlsIdentity> {
  const { certificateFile, keyFile, host } = config;
  if (certificateFile !== undefined && keyFile !== undefined) {
    return {
      certificatePem: readFileSync(certificateFile, 'utf8'),
      privateKeyPem: readFileSync(keyFile, 'utf8'),
    };
  }
  if (!isLoopback(host)) throw mainError('LISTENER_TLS_REQUIRED', { host });
  return loopbackCertificate(dataFolder, nowMs);
}
