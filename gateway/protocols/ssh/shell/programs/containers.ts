/** Commands in containers: they run, but elsewhere. */
import { forNames, type Handlers, type Running } from './handler.ts';
import { hasOption, optionValue, readOptions } from './options.ts';

const strange = ({ walk, invocation, index }: Running): void =>
  walk.opaque('arguments of a program that runs others are not known', invocation.name, index);

const CONTAINER_VALUED = [
  'env',
  'env-file',
  'user',
  'workdir',
  'volume',
  'mount',
  'name',
  'network',
  'publish',
  'entrypoint',
  'label',
  'container',
  'namespace',
  'context',
  'kubeconfig',
  'image',
  'detach-keys',
  'index',
  'memory',
  'cpus',
  'restart',
  'hostname',
  'add-host',
  'cap-add',
  'device',
  'pid',
  'privileged=',
  'log-driver',
  'file',
  'project-name',
];

/** docker exec, docker run, kubectl exec and the like: the command runs elsewhere. */
function runContainer(running: Running): void {
  const { walk, args, invocation, inner } = running;
  const global = readOptions(args, { flags: 'D', valued: 'Hcnls', longValued: CONTAINER_VALUED, lax: true });
  const [verb, ...more] = global.rest;
  const texts = more.map(({ text }) => text);
  if (verb === undefined || (verb.text === 'compose' && texts.length === 0)) return;
  const own = verb.text === 'compose' || verb.text === 'container' ? more : global.rest;
  const [action, ...words] = own;
  if (!/^(exec|run|debug|attach|shell)$/.test(action?.text ?? '')) {
    if (
      /^(rm|rmi|delete|kill|stop|prune|down|drain|scale|apply|create|patch|edit|replace|start|restart|build|load|import|cp|push)$/.test(
        action?.text ?? '',
      )
    )
      walk.deed('admin', 'container', `${invocation.name} ${action!.text}`);
    return;
  }
  const { options, rest, unsure } = readOptions(words, {
    flags: 'ditTqP',
    valued: 'eucnwvplhm',
    longValued: CONTAINER_VALUED,
    longFlags: ['rm', 'interactive', 'tty', 'detach', 'privileged', 'stdin', 'init', 'read-only', 'quiet'],
  });
  if (unsure) strange(running);
  const [where, ...command] = rest;
  if (where === undefined) return;
  const start = command[0]?.text === '--' ? command.slice(1) : command;
  const entry = optionValue(options, 'entrypoint');
  if (hasOption(options, 'privileged', 'v', 'volume', 'mount', 'pid'))
    walk.deed('privilege_escalation', 'container', where.text);
  walk.run(entry === undefined || entry === null ? start : [entry, ...start], {
    ...inner,
    remote: `container:${where.text}`,
  });
}

export const CONTAINERS: Handlers = forNames('docker podman nerdctl kubectl k3s oc lxc', runContainer);
