import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import type { SftpFromClient, SftpOptions, SftpRequests } from '../../analysis.ts';
import { createSftpRequests } from '../create-sftp-requests.ts';
import { HANDLES_MAX, PENDING_MAX } from '../open-handles.ts';
import { FLAG, TYPE } from '../packet.ts';
import { packet } from './packets.ts';

const FREE: SftpOptions = { readOnly: false, paths: {}, bytesMax: null };
const INIT = packet(TYPE.init, 3);

function begin(options: Partial<SftpOptions> = {}): SftpRequests {
  const sftp = createSftpRequests({ ...FREE, ...options });
  assert.deepEqual(sftp.fromClient(INIT), [{ kind: 'pass', bytes: INIT }]);
  assert.equal(sftp.fromTarget(packet(TYPE.version, 3)).bytes.length, 1);
  return sftp;
}
const one = (sftp: SftpRequests, bytes: Buffer): SftpFromClient => {
  const items = sftp.fromClient(bytes);
  assert.equal(items.length, 1);
  return items[0]!;
};
const asked = (sftp: SftpRequests, bytes: Buffer): Extract<SftpFromClient, { kind: 'request' }> => {
  const item = one(sftp, bytes);
  assert.equal(item.kind, 'request');
  return item;
};
const open = (id: number, path: string, flags: number): Buffer => packet(TYPE.open, id, path, flags, 0);

describe('ssh sftp: requests', () => {
  it('a file read is one request; its end has bytes and digest', () => {
    const sftp = begin();
    const item = asked(sftp, open(1, '/srv/data.csv', FLAG.read));
    assert.equal(item.operation.name, 'open-read');
    assert.deepEqual(
      item.operation.analysis.actions.map(({ action, object }) => [action, object]),
      [['read', '/srv/data.csv']],
    );
    assert.deepEqual(item.bytes, open(1, '/srv/data.csv', FLAG.read));
    sftp.fromTarget(packet(TYPE.handle, 1, 'h'));
    assert.equal(one(sftp, packet(TYPE.read, 2, 'h', 0n, 100)).kind, 'pass');
    sftp.fromTarget(packet(TYPE.data, 2, 'hello '));
    sftp.fromClient(packet(TYPE.read, 3, 'h', 6n, 100));
    sftp.fromTarget(packet(TYPE.data, 3, 'world'));
    sftp.fromClient(packet(TYPE.close, 4, 'h'));
    const { ended } = sftp.fromTarget(packet(TYPE.status, 4, 0, '', ''));
    assert.deepEqual(ended, [
      {
        operation: 1,
        status: 'ok',
        bytes: 11,
        rows: 0,
        errorCode: null,
        errorMessage: null,
        digest: createHash('sha256').update('hello world').digest(),
      },
    ]);
    assert.deepEqual(sftp.close(), []);
  });

  it('a file written, its digest and a failure on the way', () => {
    const sftp = begin();
    const item = asked(sftp, open(1, 'up.txt', FLAG.write | FLAG.create | FLAG.truncate));
    assert.equal(item.operation.name, 'open-write');
    assert.deepEqual(item.operation.analysis.objects, ['~/up.txt']);
    sftp.fromTarget(packet(TYPE.handle, 1, 'h'));
    assert.equal(one(sftp, packet(TYPE.write, 2, 'h', 0n, 'abc')).kind, 'pass');
    sftp.fromTarget(packet(TYPE.status, 2, 4, 'disk full', ''));
    sftp.fromClient(packet(TYPE.close, 3, 'h'));
    const [end] = sftp.fromTarget(packet(TYPE.status, 3, 0, '', '')).ended;
    assert.equal(end?.status, 'error');
    assert.equal(end.errorCode, 'SSH_FX_FAILURE');
    assert.equal(end.bytes, 3);
  });

  it('a denied request never is in flight: its id is answered here and free again', () => {
    const sftp = begin();
    const item = asked(sftp, packet(TYPE.remove, 7, '/etc/passwd'));
    const refusal = item.refusal('no');
    assert.equal(refusal[4], TYPE.status);
    assert.equal(refusal.readUInt32BE(5), 7);
    assert.equal(refusal.readUInt32BE(9), 3);
    assert.ok(refusal.includes('no'));
    assert.equal(asked(sftp, packet(TYPE.remove, 7, '/tmp/x')).operation.operation, 2);
    assert.deepEqual(
      sftp
        .fromTarget(packet(TYPE.status, 7, 2, 'none', ''))
        .ended.map(({ operation, status, errorCode }) => [operation, status, errorCode]),
      [[2, 'error', 'SSH_FX_NO_SUCH_FILE']],
    );
  });

  it('names what matters: credentials, persistence, setuid, both paths', () => {
    const sftp = begin();
    assert.equal(asked(sftp, open(1, '/etc/shadow', FLAG.read)).operation.analysis.risk, 'critical');
    const key = asked(sftp, open(2, '.ssh/authorized_keys', FLAG.write | FLAG.append));
    assert.ok(key.operation.analysis.actions.some(({ action }) => action === 'persistence'));
    const mode = asked(sftp, packet(TYPE.setstat, 3, '/tmp/sh', 4, 0o4755));
    assert.ok(
      mode.operation.analysis.actions.some(
        ({ action, objectKind }) => action === 'persistence' && objectKind === 'setuid',
      ),
    );
    const rename = asked(
      sftp,
      packet(TYPE.extended, 4, 'posix-rename@openssh.com', '/tmp/x', '/etc/cron.d/x'),
    );
    assert.deepEqual(rename.operation.analysis.objects, ['/tmp/x', '/etc/cron.d/x']);
    assert.equal(rename.operation.name, 'rename');
    assert.equal(
      asked(sftp, packet(TYPE.symlink, 5, '/etc/shadow', 'x')).operation.analysis.risk,
      'critical',
    );
  });

  it('read-only refuses all that changes anything, on paths and on handles', () => {
    const sftp = begin({ readOnly: true });
    const changes = [
      open(1, '/a', FLAG.write),
      open(2, '/a', FLAG.read | FLAG.write),
      open(3, '/a', FLAG.append),
      open(4, '/a', FLAG.read | FLAG.create),
      packet(TYPE.setstat, 5, '/a', 0),
      packet(TYPE.mkdir, 6, '/a', 0),
      packet(TYPE.rmdir, 7, '/a'),
      packet(TYPE.remove, 8, '/a'),
      packet(TYPE.rename, 9, '/a', '/b'),
      packet(TYPE.symlink, 10, '/a', '/b'),
      packet(TYPE.extended, 11, 'hardlink@openssh.com', '/a', '/b'),
      packet(TYPE.extended, 12, 'posix-rename@openssh.com', '/a', '/b'),
      packet(TYPE.extended, 13, 'lsetstat@openssh.com', '/a', 0),
      packet(TYPE.extended, 14, 'made-up@example.com', '/a'),
    ];
    for (const bytes of changes) assert.ok(asked(sftp, bytes).operation.analysis.forcedDenial !== undefined);
    const read = asked(sftp, open(20, '/a', FLAG.read));
    assert.equal(read.operation.analysis.forcedDenial, undefined);
    sftp.fromTarget(packet(TYPE.handle, 20, 'h'));
    assert.ok(
      asked(sftp, packet(TYPE.fsetstat, 21, 'h', 4, 0o777)).operation.analysis.forcedDenial !== undefined,
    );
    assert.equal(one(sftp, packet(TYPE.write, 22, 'h', 0n, 'x')).kind, 'reply');
    assert.ok(
      asked(sftp, packet(TYPE.extended, 23, 'copy-data', 'h', 0n, 0n, 'h', 0n)).operation.analysis
        .forcedDenial !== undefined,
    );
  });

  it('paths: lists hold for every way to name a file', () => {
    const sftp = begin({ paths: { allow: ['/srv/**'], deny: ['/srv/secret/**'] } });
    const refused = (bytes: Buffer): boolean =>
      asked(sftp, bytes).operation.analysis.forcedDenial !== undefined;
    let id = 0;
    const next = (): number => ++id;
    for (const path of [
      '/etc/passwd',
      '/srv/secret',
      '/srv/secret/x',
      '/srv//secret/x',
      '/srv/./secret/x',
      '/srv/a/../secret/x',
      '/srv/../etc/passwd',
      'x',
      '~/x',
      '/srvx/y',
      '/',
      '/srv/secret/x\0/../y',
    ])
      assert.ok(refused(open(next(), path, FLAG.read)), path);
    for (const path of ['/srv/a', '/srv', '/srv/secrets'])
      assert.ok(!refused(open(next(), path, FLAG.read)), path);
    assert.ok(refused(packet(TYPE.rename, next(), '/srv', '/srv/b')), 'a folder above a denied one is moved');
    assert.ok(refused(packet(TYPE.rename, next(), '/srv/a', '/etc/b')));
    assert.ok(refused(packet(TYPE.symlink, next(), '/etc', '/srv/link')));
    assert.ok(refused(packet(TYPE.symlink, next(), '../etc', '/srv/link')));
    assert.ok(refused(packet(TYPE.extended, next(), 'hardlink@openssh.com', '/etc/shadow', '/srv/link')));
    assert.ok(refused(packet(TYPE.stat, next(), '/etc/passwd')));
    assert.ok(refused(packet(TYPE.readlink, next(), '/srv/secret/x')));
    assert.equal(one(sftp, packet(TYPE.stat, next(), '/')).kind, 'pass', 'folders on the way are looked at');
    assert.ok(refused(packet(TYPE.opendir, next(), '/')), 'but not listed');
  });

  it('paths from the login folder are known once the client has asked for it', () => {
    const sftp = begin({ paths: { deny: ['/home/bob/secret/**'] } });
    assert.ok(
      asked(sftp, open(1, 'secret/x', FLAG.read)).operation.analysis.forcedDenial !== undefined,
      'nobody knows where it is',
    );
    assert.equal(one(sftp, packet(TYPE.realpath, 2, '.')).kind, 'pass');
    sftp.fromTarget(packet(TYPE.name, 2, 1, '/home/bob', '/home/bob', 0));
    assert.ok(asked(sftp, open(3, 'secret/x', FLAG.read)).operation.analysis.forcedDenial !== undefined);
    const free = asked(sftp, open(4, 'public/x', FLAG.read));
    assert.equal(free.operation.analysis.forcedDenial, undefined);
    assert.deepEqual(free.operation.analysis.objects, ['/home/bob/public/x']);
  });

  it('a budget of bytes holds for reads that were only asked for', () => {
    const sftp = begin({ bytesMax: 100 });
    sftp.fromClient(open(1, '/a', FLAG.read));
    sftp.fromTarget(packet(TYPE.handle, 1, 'h'));
    assert.equal(one(sftp, packet(TYPE.read, 2, 'h', 0n, 60)).kind, 'pass');
    assert.equal(one(sftp, packet(TYPE.read, 3, 'h', 60n, 60)).kind, 'reply');
    sftp.fromTarget(packet(TYPE.data, 2, Buffer.alloc(20)));
    assert.equal(one(sftp, packet(TYPE.read, 4, 'h', 20n, 80)).kind, 'pass');
    sftp.fromTarget(packet(TYPE.data, 4, Buffer.alloc(80)));
    assert.equal(one(sftp, packet(TYPE.read, 5, 'h', 100n, 1)).kind, 'reply');
    sftp.fromClient(packet(TYPE.close, 6, 'h'));
    assert.equal(sftp.fromTarget(packet(TYPE.status, 6, 0, '', '')).ended[0]?.errorCode, 'SSH_SFTP_BUDGET');
  });

  it('a folder listed: names are counted', () => {
    const sftp = begin();
    assert.equal(asked(sftp, packet(TYPE.opendir, 1, '/srv')).operation.name, 'readdir');
    sftp.fromTarget(packet(TYPE.handle, 1, 'd'));
    sftp.fromClient(packet(TYPE.readdir, 2, 'd'));
    sftp.fromTarget(packet(TYPE.name, 2, 2, 'a', 'a', 0, 'b', 'b', 0));
    sftp.fromClient(packet(TYPE.close, 3, 'd'));
    assert.equal(sftp.fromTarget(packet(TYPE.status, 3, 0, '', '')).ended[0]?.rows, 2);
  });

  it('breaks off what is not SFTP, and says nothing more', () => {
    for (const bytes of [
      Buffer.from('ffffffff00', 'hex'),
      Buffer.from('00000000', 'hex'),
      packet(TYPE.remove, 1, '/x'),
      packet(TYPE.init, 2),
      Buffer.from('000000020100', 'hex'),
    ]) {
      const sftp = createSftpRequests(FREE);
      assert.deepEqual(
        sftp.fromClient(bytes).map(({ kind }) => kind),
        ['broken'],
      );
      assert.deepEqual(sftp.fromClient(INIT), []);
    }
    const twice = begin();
    sftpPass(twice, packet(TYPE.fstat, 1, 'h'));
    assert.equal(one(twice, INIT).kind, 'broken');
    const same = begin();
    same.fromClient(packet(TYPE.remove, 5, '/x'));
    assert.equal(one(same, packet(TYPE.remove, 5, '/y')).kind, 'broken');
    assert.ok(begin().fromTarget(Buffer.from('7fffffff65', 'hex')).broken !== undefined);
    const newer = createSftpRequests(FREE);
    newer.fromClient(packet(TYPE.init, 6));
    assert.ok(newer.fromTarget(packet(TYPE.version, 6)).broken !== undefined);
  });

  it('asks a target for version 3 when the client knows later ones', () => {
    assert.deepEqual(createSftpRequests(FREE).fromClient(packet(TYPE.init, 6)), [
      { kind: 'pass', bytes: INIT },
    ]);
  });

  it('bounds open files and unanswered requests', () => {
    const sftp = begin();
    for (let id = 0; id < HANDLES_MAX; id++) asked(sftp, open(id, '/x', FLAG.read));
    assert.equal(one(sftp, open(HANDLES_MAX, '/x', FLAG.read)).kind, 'reply');
    const many = begin();
    for (let id = 0; id < PENDING_MAX; id++) many.fromClient(packet(TYPE.stat, id, '/x'));
    assert.equal(one(many, packet(TYPE.stat, PENDING_MAX, '/x')).kind, 'broken');
  });

  it('at the end of the channel says what was cut off', () => {
    const sftp = begin();
    asked(sftp, open(1, '/a', FLAG.read));
    sftp.fromTarget(packet(TYPE.handle, 1, 'h'));
    asked(sftp, packet(TYPE.remove, 2, '/b'));
    assert.deepEqual(
      sftp.close().map(({ operation, status }) => [operation, status]),
      [
        [1, 'cut_off'],
        [2, 'lost'],
      ],
    );
  });
});

function sftpPass(sftp: SftpRequests, bytes: Buffer): void {
  assert.equal(one(sftp, bytes).kind, 'reply', 'a handle that nobody opened');
}
