/** Listens for SSH clients, with a server socket of its own: the library has no bound on what has not logged in. */
import { createServer, type Socket } from 'node:net';
import type { Connection } from 'ssh2';
import type { ListenerConfig, ProtocolDeps, ProtocolListener } from '../protocol.ts';
import { createPendingLogins } from '../clients/pending-logins.ts';
import { createServerSocket } from '../clients/server-socket.ts';
import { createLoginThrottle } from '../clients/throttle.ts';
import type { SshAnalysis } from './analysis.ts';
import { makeCertificate } from './keys/certificate.ts';
import { loadOwnKeys, type OwnKeys } from './keys/own-keys.ts';
import { lineOf } from './keys/public-key.ts';
import { offerHostCertificate } from './library/certificates.ts';
import {
  ALGORITHMS,
  checkVersion,
  isFast,
  mayAbort,
  mendSignatureAlgorithms,
  socketOf,
} from './library/internals.ts';
import { reusePackets } from './library/packets.ts';
import { ClientLogin, type LoginContext } from './login/client-login.ts';
import type { Relay } from './relay.ts';
import { createConnectors } from './target/connector.ts';
import { IDENT } from './target/dial.ts';
import { postQuantum } from './library/post-quantum.ts';
import { ssh2 } from './library/ssh2.ts';

const FOREVER_S = 2 ** 40;

export async function createSshListener(
  deps: ProtocolDeps,
  config: ListenerConfig,
  loadAnalysis: () => Promise<SshAnalysis>,
): Promise<ProtocolListener> {
  checkVersion();
  if (!isFast())
    deps.log.warn(
      {},
      'SSH is slow: the native part of ssh2 is not built (it needs a C++ compiler at the installation), ciphers run at a tenth of the speed',
    );
  if (!postQuantum)
    deps.log.warn({}, 'SSH has no post-quantum key exchange here: it needs Node 24.7 or later');
  if (mayAbort())
    deps.log.error(
      {},
      'the native part of ssh2 can abort this process: it was built without main/native/no-cleanup-hooks.h; build it as main/launch.mjs does, or remove node_modules/ssh2/lib/protocol/crypto/build (SSH is slower then)',
    );
  const keys = await loadOwnKeys(deps);
  const certificate = certifyHost(deps, keys);
  const relays = new Set<Relay>();
  const sockets = new Map<Socket, ClientLogin>();
  const connectors = createConnectors(deps);
  let analysis: SshAnalysis | undefined;
  const context: LoginContext = {
    deps,
    config,
    get analysis() {
      return analysis!;
    },
    connectors,
    authorities: [keys.userAuthority.publicBlob],
    pending: createPendingLogins(config.pendingLoginsMax),
    throttle: createLoginThrottle(deps.clock),
    relays,
  };
  const library = new ssh2.Server(
    {
      hostKeys: [...keys.hostKeys],
      ident: IDENT,
      algorithms: ALGORITHMS as never,
      keepaliveInterval: 15_000,
    },
    (connection: Connection, { header }) => {
      reusePackets(connection);
      mendSignatureAlgorithms(connection);
      offerHostCertificate(connection, certificate, 'ssh-ed25519');
      sockets.get(socketOf(connection))?.greet(connection, header.versions.software);
    },
  );
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    socket.on('error', () => undefined);
    sockets.set(socket, new ClientLogin(context, socket));
    socket.once('close', () => sockets.delete(socket));
    library.injectSocket(socket);
  });
  const serverSocket = createServerSocket(deps.clock, config, server, { sockets, relays });
  return {
    async start() {
      analysis ??= await loadAnalysis();
      const address = await serverSocket.start();
      const hostKeys = [
        ...keys.hostBlobs.map(lineOf),
        `@cert-authority ${lineOf(keys.hostAuthority.publicBlob)}`,
      ];
      const userAuthority = lineOf(keys.targetAuthority.publicBlob);
      return { ...address, trust: { tls: false, ca: null, hostKeys, userAuthority } };
    },
    async stop(graceMs) {
      await serverSocket.stop(graceMs);
      connectors.close();
      await analysis?.commands.close?.();
    },
  };
}

/** The gateway's own host certificate, for clients that trust its authority rather than single keys. */
function certifyHost(deps: ProtocolDeps, keys: OwnKeys): Buffer {
  return makeCertificate(
    {
      kind: 'host',
      keyBlob: keys.hostBlobs[0]!,
      keyId: 'countersign gateway',
      // None named: good for every name that the authority is trusted for (@cert-authority in known_hosts).
      principals: [],
      validAfter: 0,
      validBefore: FOREVER_S,
      serial: 1n,
      nonce: deps.random.bytes(32),
    },
    keys.hostAuthority,
  );
}
