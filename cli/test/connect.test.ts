/** What `countersign connect` writes for each kind of client, and the files of others that it must leave alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import type { ConnectWish } from '../connect/wish.ts';
import { execCredential, planKubernetes } from '../connect/kubernetes.ts';
import { planMcp } from '../connect/mcp.ts';
import { applyPlan, removePlan, withBlock, withoutBlock, type Plan } from '../connect/plan.ts';
import { planPostgres } from '../connect/postgres.ts';
import { planSsh } from '../connect/ssh.ts';

/** Of the machine; nothing that the project brings. */
const KUBECTL = 'kubectl';

function wishIn(t: TestContext, protocol: string, extra: Partial<ConnectWish> = {}): ConnectWish {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-connect-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return {
    connection: {
      name: 'orders',
      protocol,
      listener: { host: '127.0.0.1', port: 6432, tls: true, ca: 'CA\n', hostKeys: ['ssh-ed25519 AAAA'] },
    },
    token: 'cst_x',
    userName: 'idp/a:b\\c#1',
    tokenId: '1',
    expiresAt: Date.UTC(2026, 10, 24, 12),
    home: join(folder, 'own folder'),
    userHome: folder,
    environment: {},
    program: ['/usr/bin/node', "/opt/it's here/countersign.ts"],
    ...extra,
  };
}
const apply = (plan: Plan): void => applyPlan(plan);
const parts = (plan: Plan) => ({
  files: plan.files.map(({ path }) => path),
  blocks: plan.blocks.map(({ path, mark }) => ({ path, mark })),
});

describe('connect: files of clients', () => {
  it('PostgreSQL: names with colons and backslashes fit the passfile', (t) => {
    const plan = planPostgres(wishIn(t, 'postgres'));
    const passfile = plan.files.find(({ path }) => path.endsWith('.pgpass'))!;
    assert.equal(passfile.content, '127.0.0.1:6432:*:idp/a\\:b\\\\c#1:cst_x\n');
    assert.match(plan.blocks[0]!.content, /^user=idp\/a:b\\c#1$/m);
    const elsewhere = planPostgres(wishIn(t, 'postgres', { environment: { PGSERVICEFILE: '/x/services' } }));
    assert.equal(elsewhere.blocks[0]!.path, '/x/services');
  });

  it('SSH: ssh itself understands the entry, spaces and quotes in paths included', (t) => {
    const wish = wishIn(t, 'ssh');
    apply(planSsh(wish, 'ssh-ed25519-cert-v01@openssh.com AAAA'));
    const seen = spawnSync('ssh', ['-G', '-F', join(wish.userHome, '.ssh', 'config'), 'orders'], {
      encoding: 'utf8',
    });
    assert.equal(seen.status, 0, seen.stderr);
    for (const line of [
      'hostname 127.0.0.1',
      'port 6432',
      'user orders',
      'hostkeyalias countersign',
      `identityfile ${join(wish.home, 'ssh', 'id_ed25519')}`,
      `certificatefile ${join(wish.home, 'ssh', 'orders-cert.pub')}`,
    ])
      assert.ok(seen.stdout.split('\n').includes(line), `${line}\n${seen.stdout}`);
    const other = spawnSync('ssh', ['-G', '-F', join(wish.userHome, '.ssh', 'config'), 'elsewhere'], {
      encoding: 'utf8',
    });
    assert.match(other.stdout, /^hostname elsewhere$/m);
  });

  it(
    'Kubernetes: kubectl reads the file and calls the plugin',
    { skip: spawnSync(KUBECTL, ['version', '--client']).error !== undefined },
    (t) => {
      const wish = wishIn(t, 'kubernetes', { program: [process.execPath, '-e', ''] });
      const plan = planKubernetes(wish);
      apply(plan);
      const read = spawnSync(KUBECTL, ['config', 'view', '--kubeconfig', plan.files[0]!.path, '-o', 'json'], {
        encoding: 'utf8',
      });
      assert.equal(read.status, 0, read.stderr);
      const config = JSON.parse(read.stdout) as {
        users: { user: { exec: { command: string; args: string[] } } }[];
        'current-context': string;
      };
      assert.equal(config['current-context'], 'orders');
      assert.deepEqual(config.users[0]!.user.exec.args.slice(-3), ['connect', 'orders', '--exec-credential']);
      assert.deepEqual(execCredential(wish), {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token: 'cst_x', expirationTimestamp: '2026-11-24T12:00:00Z' },
      });
    },
  );

  it('MCP: a server entry with the token, in a file that only its owner reads', (t) => {
    const plan = planMcp(wishIn(t, 'mcp'));
    apply(plan);
    const [file] = plan.files;
    assert.deepEqual(JSON.parse(readFileSync(file!.path, 'utf8')), {
      mcpServers: {
        orders: {
          type: 'http',
          url: 'https://127.0.0.1:6432/orders',
          headers: { Authorization: 'Bearer cst_x' },
        },
      },
    });
    assert.equal(statSync(file!.path).mode & 0o777, 0o600);
  });

  it('files of others come back byte for byte, whatever is in them', (t) => {
    const block = { path: 'f', mark: 'orders', content: 'a\nb\n' };
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 20 }), { maxLength: 8 }), fc.boolean(), (lines, atTop) => {
        const before = lines.join('\n');
        fc.pre(!before.includes('countersign:'));
        const once = withBlock(before, { ...block, atTop });
        assert.equal(withBlock(once, { ...block, atTop }), once, 'again changes nothing');
        const back = withoutBlock(once, block);
        assert.ok(back === before || back === `${before}\n`, 'at most a last line break is added');
        const other = { path: 'f', mark: 'other', content: 'x', atTop: false };
        assert.equal(withoutBlock(withBlock(once, other), other).trimEnd(), once.trimEnd());
      }),
      { seed: 1, numRuns: 300 },
    );
    const wish = wishIn(t, 'postgres');
    const file = join(wish.userHome, '.pg_service.conf');
    writeFileSync(file, '# >>> countersign: orders >>> half of it\n[mine]\n');
    assert.throws(() => apply(planPostgres(wish)), { code: 'CLI_CONNECT_FAILED' });
    assert.equal(readFileSync(file, 'utf8'), '# >>> countersign: orders >>> half of it\n[mine]\n');
    writeFileSync(file, '[orders]\nhost=mine\n');
    const plan = planPostgres(wish);
    assert.throws(() => apply(plan), { code: 'CLI_CONNECT_TAKEN' });
    writeFileSync(file, '[mine]\n');
    chmodSync(file, 0o640);
    apply(plan);
    removePlan(parts(plan));
    assert.equal(readFileSync(file, 'utf8'), '[mine]\n');
    assert.equal(statSync(file).mode & 0o777, 0o640, 'its rights stay');
  });
});
