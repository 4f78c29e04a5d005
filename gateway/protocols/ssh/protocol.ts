/** SSH in the protocol registry. */
import type { Protocol } from '../protocol.ts';
import { createSshAnalysis } from './create-analysis.ts';
import { createSshListener } from './listener.ts';
import { checkOptions, SshOptions } from './options.ts';
import { createConnectors } from './target/connector.ts';
import { createControlShell, parseTargetSession } from './target/control-shell.ts';

export const sshProtocol: Protocol = {
  name: 'ssh',
  optionsSchema: SshOptions,
  checkConnection: checkOptions,
  createListener: (deps, config) => createSshListener(deps, config, createSshAnalysis),
  async endLeftover(deps, connection, targetSession) {
    const left = parseTargetSession(targetSession);
    if (left === undefined) return;
    const connectors = createConnectors(deps);
    const connector = connectors.of(connection);
    const read = await connector.readCredential();
    if (!read.ok) throw read.error;
    const shell = createControlShell(deps.clock, async () => {
      const dialled = await connector.login(read.credential, left.account, 'countersign-control');
      // Whoever calls tries again later.
      if (!dialled.ok) throw dialled.error;
      return dialled;
    });
    try {
      const remains = await shell.end(left.marker, left.variable);
      if (remains === undefined) throw new Error('the target could not be asked');
      if (remains.ended.length > 0)
        deps.log.info(
          { connection: connection.name, ended: remains.ended.length },
          'processes of a lost session ended',
        );
    } finally {
      shell.close();
      connectors.close();
    }
  },
};
