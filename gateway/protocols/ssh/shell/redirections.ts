/** Redirections: files read and written, connections by /dev/tcp, and what standard input becomes. */
import type { Redirection } from 'unbash';
import { UNKNOWN_STDIN, type Scope, type Stdin } from './found.ts';
import { fieldsOf } from './words.ts';
import type { TreeWalk } from './walk.ts';

const NETWORK = /^\/dev\/(?:tcp|udp)\/([^/]+)\/(\w+)$/;

/** Walks redirections; gives the standard input that they set, null where they do not. */
export function walkRedirections(
  walk: TreeWalk,
  redirections: readonly Redirection[],
  scope: Scope,
): Stdin | null {
  let stdin: Stdin | null = null;
  for (const redirection of redirections) {
    const own = redirectionStdin(walk, redirection, scope);
    if (own !== null) stdin = own;
  }
  return stdin;
}

function redirectionStdin(walk: TreeWalk, redirection: Redirection, scope: Scope): Stdin | null {
  if (redirection.type === 'HereDoc') {
    const { body, closing, delimiter } = redirection;
    if (closing === undefined && !walk.incomplete)
      walk.opaque('does not parse', 'here document without end', scope.parent);
    for (const part of body.parts ?? []) walk.node(part, scope);
    if (descriptorOf(redirection) !== 0) return null;
    const literal = delimiter?.quoted === true || (body.parts === undefined && !/[\\$`]/.test(body.text));
    const text = redirection.operator === '<<-' ? body.text.replace(/^\t+/gm, '') : body.text;
    return literal ? { kind: 'text', text } : UNKNOWN_STDIN;
  }
  const { target } = redirection;
  if (target === undefined) return null;
  walk.node(target, scope);
  const [field, ...others] = fieldsOf(target, walk.limits.expansionsMax);
  if (field === undefined || others.length > 0) {
    walk.file({ text: target.text, sure: 'unknown' }, 'write', scope.parent);
    return UNKNOWN_STDIN;
  }
  if (redirection.type === 'HereString') {
    if (descriptorOf(redirection) !== 0) return null;
    return field.sure === 'known' ? { kind: 'text', text: `${field.text}\n` } : UNKNOWN_STDIN;
  }
  const network = NETWORK.exec(field.text);
  if (network !== null) {
    walk.destination(network[1]!, Number(network[2]) || null);
    walk.deed('tunnel', 'destination', `${network[1]!}:${network[2]!}`);
    return descriptorOf(redirection) === 0 ? UNKNOWN_STDIN : null;
  }
  const { operator } = redirection;
  // `2>&1`, `<&3`, `>&-`: a copy of a descriptor, no file.
  if ((operator === '>&' || operator === '<&') && /^(\d+-?|-)$/.test(field.text))
    return operator === '<&' && descriptorOf(redirection) === 0 ? UNKNOWN_STDIN : null;
  const reads = operator === '<' || operator === '<>' || operator === '<&';
  const isProcess = target.parts?.length === 1 && target.parts[0]!.type === 'ProcessSubstitution';
  if (!isProcess && reads) walk.file(field, 'read', scope.parent);
  if (!isProcess && (!reads || operator === '<>')) walk.file(field, 'write', scope.parent);
  if (!reads || descriptorOf(redirection) !== 0) return null;
  return isProcess ? UNKNOWN_STDIN : { kind: 'file', path: field };
}

function descriptorOf(redirection: Redirection): number {
  if (redirection.descriptor?.type === 'FileDescriptor') return redirection.descriptor.value;
  if (redirection.descriptor !== undefined) return -1;
  return redirection.type !== 'Redirect' || redirection.operator.startsWith('<') ? 0 : 1;
}
