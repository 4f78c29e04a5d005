import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSftpRequests } from '../create-sftp-requests.ts';
import { FLAG, PACKET_BYTES_MAX, TYPE } from '../packet.ts';
import { packet } from './packets.ts';

const OPTIONS = { readOnly: false, paths: { deny: ['/etc/**'] }, bytesMax: 1_000_000 };
const path = fc.constantFrom('/etc/passwd', '/srv/a', 'x', '/srv/../etc/x', '', '/a/b\0c', '/srv/é');
const id = fc.integer({ min: 0, max: 20 });
const handle = fc.constantFrom('h0', 'h1', 'nobody');
const clientPacket = fc.oneof(
  fc
    .tuple(id, path, fc.integer({ min: 0, max: 63 }))
    .map(([i, p, flags]) => packet(TYPE.open, i, p, flags, 0)),
  fc
    .tuple(id, handle, fc.integer({ min: 0, max: 100_000 }))
    .map(([i, h, length]) => packet(TYPE.read, i, h, 0n, length)),
  fc
    .tuple(id, handle, fc.uint8Array({ maxLength: 300 }))
    .map(([i, h, data]) => packet(TYPE.write, i, h, 0n, Buffer.from(data))),
  fc.tuple(id, handle).map(([i, h]) => packet(TYPE.close, i, h)),
  fc.tuple(id, path, path).map(([i, one, other]) => packet(TYPE.rename, i, one, other)),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }))
    .map(([type, bytes]) => packet(type, Buffer.from(bytes))),
  fc
    .tuple(id, fc.constantFrom('limits@openssh.com', 'copy-data', 'posix-rename@openssh.com', 'x'), path)
    .map(([i, name, p]) => packet(TYPE.extended, i, name, p, p)),
);
const targetPacket = fc.oneof(
  fc.tuple(id, handle).map(([i, h]) => packet(TYPE.handle, i, h)),
  fc.tuple(id, fc.uint8Array({ maxLength: 300 })).map(([i, data]) => packet(TYPE.data, i, Buffer.from(data))),
  fc
    .tuple(id, fc.integer({ min: 0, max: 9 }))
    .map(([i, code]) => packet(TYPE.status, i, code, 'message', '')),
  fc.tuple(id).map(([i]) => packet(TYPE.name, i, 1, '/home/bob', '', 0)),
);

describe('ssh sftp: anything may come', () => {
  it('garbage in both directions: nothing is thrown, at most one packet is held, all that goes on came in', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
            clientPacket,
          ),
          { maxLength: 40 },
        ),
        fc.array(
          fc.oneof(
            targetPacket,
            fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
          ),
          { maxLength: 40 },
        ),
        (client, target) => {
          const sftp = createSftpRequests(OPTIONS);
          sftp.fromClient(packet(TYPE.init, 3));
          const passed: Buffer[] = [];
          for (let at = 0; at < Math.max(client.length, target.length); at++) {
            for (const item of sftp.fromClient(client[at] ?? Buffer.alloc(0))) {
              if (item.kind === 'pass' || item.kind === 'request') passed.push(item.bytes);
              if (item.kind === 'request' && item.operation.analysis.forcedDenial !== undefined) {
                const refusal = item.refusal('no');
                assert.equal(refusal.readUInt32BE(0), refusal.length - 4);
              }
            }
            sftp.fromTarget(target[at] ?? Buffer.alloc(0));
          }
          const ends = sftp.close();
          assert.equal(new Set(ends.map(({ operation }) => operation)).size, ends.length);
          assert.ok(Buffer.concat(client).includes(Buffer.concat(passed)) || passed.length > 1);
          assert.ok(
            passed.every(
              (bytes) => bytes.length <= PACKET_BYTES_MAX && bytes.readUInt32BE(0) === bytes.length - 4,
            ),
          );
        },
      ),
      { seed: 5, numRuns: 600 },
    );
  });

  it('however the stream is cut, the same comes out', () => {
    fc.assert(
      fc.property(
        fc.array(clientPacket, { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        (packets, cuts) => {
          const whole = Buffer.concat([packet(TYPE.init, 3), ...packets]);
          const read = (pieces: readonly Buffer[]): unknown => {
            const sftp = createSftpRequests(OPTIONS);
            return pieces.flatMap((piece) => sftp.fromClient(piece)).map((item) => JSON.stringify(item));
          };
          const pieces: Buffer[] = [];
          for (let at = 0, turn = 0; at < whole.length; turn++) {
            const size = cuts[turn % cuts.length]!;
            pieces.push(whole.subarray(at, at + size));
            at += size;
          }
          assert.deepEqual(read(pieces), read([whole]));
        },
      ),
      { seed: 6, numRuns: 300 },
    );
  });

  it('no operation ends twice, and each that was asked for and answered ends', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(clientPacket, targetPacket), { maxLength: 60 }), (turns) => {
        const sftp = createSftpRequests({ ...OPTIONS, paths: {} });
        sftp.fromClient(packet(TYPE.init, 3));
        const begun = new Set<number>();
        const ended: number[] = [];
        for (const [client, target] of turns) {
          for (const item of sftp.fromClient(client))
            if (item.kind === 'request') begun.add(item.operation.operation);
          ended.push(...sftp.fromTarget(target).ended.map(({ operation }) => operation));
        }
        ended.push(...sftp.close().map(({ operation }) => operation));
        assert.equal(new Set(ended).size, ended.length);
        assert.deepEqual(new Set(ended), begun);
      }),
      { seed: 7, numRuns: 600 },
    );
  });

  it('a packet of the largest size, byte by byte', () => {
    const sftp = createSftpRequests({ ...OPTIONS, bytesMax: null });
    sftp.fromClient(packet(TYPE.init, 3));
    sftp.fromClient(packet(TYPE.open, 1, '/x', FLAG.write, 0));
    sftp.fromTarget(packet(TYPE.handle, 1, 'h'));
    const write = packet(TYPE.write, 2, 'h', 0n, Buffer.alloc(256 * 1024, 1));
    const items = Array.from({ length: write.length }, (_, at) =>
      sftp.fromClient(write.subarray(at, at + 1)),
    ).flat();
    assert.deepEqual(
      items.map(({ kind }) => kind),
      ['pass'],
    );
  });
});
