/** docker-compose.yml as Compose reads it: merged, with the variables of an .env filled in. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const root = resolve(import.meta.dirname, '..', '..');
export const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');

export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly volume?: { readonly subpath: string };
}
export interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly volumes?: readonly (string | Mount)[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly deploy?: { readonly replicas: number };
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly restart?: string;
}
export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, object>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
}

const VARIABLE = /\$\{(\w+)(:?[?-][^}]*)?\}/g;

/** Names of the variables that the file asks for. */
export const variablesOf = (text: string): Set<string> =>
  new Set([...text.matchAll(VARIABLE)].map((match) => match[1]!));

/** Lines `NAME=value` of an .env. */
export function parseEnv(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

export const composeText = (): string => read('docker-compose.yml');

/** The file with variables filled in; a variable that is not set is an error, as it is to Compose with `:?`. */
export function loadCompose(variables: Readonly<Record<string, string>>): ComposeFile {
  const text = composeText().replace(VARIABLE, (_, name: string) => {
    const value = variables[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  });
  return parse(text, { merge: true }) as ComposeFile;
}

/** The services that run this program. */
export const roleServices = ({ services }: ComposeFile): [string, Service][] =>
  Object.entries(services).filter(([, { build }]) => build !== undefined);

/** Volumes of a service in the long form. */
export function mountsOf({ volumes = [] }: Service): Mount[] {
  return volumes.map((volume) => {
    if (typeof volume !== 'string') return volume;
    const [source, target, mode] = volume.split(':');
    const type = source!.startsWith('.') || source!.startsWith('/') ? 'bind' : 'volume';
    return { type, source: source!, target: target!, read_only: mode === 'ro' };
  });
}
