/** What a configuration names or holds beyond its schema: policy, playbooks, rules, directory. Every mistake with file and line. */
import { checkAccessConfig } from '../gateway/access/issuers/check-config.ts';
import { findProtocol } from '../gateway/protocols/registry.ts';
import { isLoopback } from '../platform/network/address.ts';
import { readFileSync } from 'node:fs';
import { readDirectory } from '../detectors/directory/directory.ts';
import { libraryFolder, loadRules } from '../detectors/rules/index.ts';
import { lineOfPath, type Problem } from '../platform/config/checked-yaml.ts';
import { LIBRARY, readPlaybooks } from '../responders/playbooks/playbook-set.ts';
import type { ActionServices } from '../responders/actions/action.ts';
import type { Config } from '../schemas/config/config.ts';

/** The notifier that is always there. */
const LOG_NOTIFIER = 'log';

function checkPlaybooks({ responders }: Config): Problem[] {
  const names = [LOG_NOTIFIER, ...responders.notifiers.map(({ name }) => name)];
  const unused = (): never => {
    throw new Error('a check calls nobody');
  };
  const services: ActionServices = {
    controlApi: new Proxy({} as ActionServices['controlApi'], { get: () => unused }),
    notifiers: { has: (name) => names.includes(name), names: () => names, send: unused },
  };
  const read = readPlaybooks([LIBRARY, ...responders.playbookFolders], services);
  return read.ok ? [] : [...read.problems];
}

function checkRules({ ruleFolders }: Config): Problem[] {
  return loadRules([libraryFolder, ...ruleFolders]).errors.map(({ file, line, reason }) => ({
    file,
    line,
    path: '',
    reason,
  }));
}

function checkDirectory({ detectors: { directoryFile } }: Config): Problem[] {
  if (directoryFile === null) return [];
  let text: string;
  try {
    text = readFileSync(directoryFile, 'utf8');
  } catch (error) {
    const reason = `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
    return [{ file: directoryFile, line: 0, path: '', reason }];
  }
  const read = readDirectory(directoryFile, text);
  return read.ok ? [] : [...read.problems];
}

/** What the protocols say against the connections of the file. */
function checkConnections({ connections }: Config, file: string, text: string): Problem[] {
  return connections.flatMap((connection, index) => {
    const problem = findProtocol(connection.protocol)?.checkConnection?.(connection);
    if (problem === undefined) return [];
    const path = ['connections', String(index), 'options'];
    const reason = `${problem.message} (${problem.code}). ${problem.hint}`;
    return [{ file, line: lineOfPath(text, path), path: path.join('.'), reason }];
  });
}

function checkAccess({ access, controlApi }: Config, file: string, text: string): Problem[] {
  const faults = [...checkAccessConfig(access)];
  if (access.certificates.length > 0 && controlApi.tls === undefined)
    faults.push({
      path: ['certificates'],
      reason: 'certificates: the control API needs TLS (controlApi.tls)',
    });
  return faults.map(({ path, reason }) => ({
    file,
    line: lineOfPath(text, ['access', ...path]),
    path: ['access', ...path].join('.'),
    reason,
  }));
}

/** The token of the responders goes to these addresses. */
function checkGatewayUrls({ responders }: Config, file: string, text: string): Problem[] {
  return (responders.controlApi?.urls ?? []).flatMap((address, index) => {
    const url = URL.parse(address);
    const reason =
      url === null
        ? 'is no address'
        : url.protocol === 'http:' && !isLoopback(url.hostname)
          ? 'must be https: a token would go over the network in the clear'
          : undefined;
    if (reason === undefined) return [];
    const path = ['responders', 'controlApi', 'urls', String(index)];
    return [{ file, line: lineOfPath(text, path), path: path.join('.'), reason }];
  });
}

/** All mistakes, of all parts but the policy (readPolicy). `file` and `text` are the configuration file itself. */
export function checkConfigFiles(config: Config, file: string, text: string): Problem[] {
  return [
    ...checkConnections(config, file, text),
    ...checkAccess(config, file, text),
    ...checkGatewayUrls(config, file, text),
    ...checkPlaybooks(config),
    ...checkRules(config),
    ...checkDirectory(config),
  ];
}
