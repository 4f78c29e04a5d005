import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { lacking } from '../../../../../test/servers/available.ts';
import type { SftpOptions } from '../../analysis.ts';

const PROXY = join(import.meta.dirname, 'inspector-child.ts');

describe('ssh sftp: OpenSSH on both sides', { skip: lacking('sshd', 'ssh') }, () => {
  const home = mkdtempSync(join(tmpdir(), 'countersign-sftp-'));
  after(() => rmSync(home, { recursive: true, force: true }));
  let runs = 0;

  /** Runs a batch with OpenSSH's sftp; what the inspector saw. */
  function batch(
    commands: readonly string[],
    options: Partial<SftpOptions> = {},
  ): { events: Record<string, unknown>[]; status: number | null; err: string } {
    const log = join(home, `log-${++runs}`);
    const file = join(home, `batch-${runs}`);
    writeFileSync(log, '');
    writeFileSync(file, commands.join('\n'));
    const given = Buffer.from(
      JSON.stringify({ readOnly: false, paths: {}, bytesMax: null, ...options }),
    ).toString('hex');
    const run = spawnSync(
      'sftp',
      [
        '-b',
        file,
        '-D',
        `${process.execPath} --disable-warning=ExperimentalWarning ${PROXY} ${given} ${log}`,
      ],
      { cwd: home, encoding: 'utf8', timeout: 60_000 },
    );
    return {
      events: readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
      status: run.status,
      err: run.stderr,
    };
  }

  it('puts, gets, lists, renames, links and removes; every byte arrives and every operation ends', () => {
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));
    writeFileSync(join(home, 'up'), content);
    const { events, status, err } = batch([
      'put up there',
      'ls -l',
      'rename there moved',
      'chmod 600 moved',
      'ln -s moved link',
      'ln moved hard',
      'mkdir d',
      'rmdir d',
      'cp moved copied',
      'df',
      'get moved down',
      'rm copied',
      'rm link',
    ]);
    assert.equal(status, 0, err);
    assert.deepEqual(readFileSync(join(home, 'down')), content);
    const digest = createHash('sha256').update(content).digest('hex');
    const moved = events.filter((event) => event['bytes'] === content.length);
    assert.equal(moved.length, 2);
    // Written in order; read in the order in which the answers came, which is the file's here.
    assert.ok(moved.every((event) => event['digest'] === digest));
    const begun = events
      .filter((event) => event['operation'] !== undefined)
      .map((event) => event['operation']);
    const ended = events.filter((event) => event['ended'] !== undefined).map((event) => event['ended']);
    assert.deepEqual(new Set(ended), new Set(begun));
    const texts = events.map((event) => String(event['text'])).join('\n');
    for (const name of [
      'open-write',
      'open-read',
      'rename',
      'setstat',
      'symlink',
      'hardlink',
      'mkdir',
      'rmdir',
      'copy',
      'remove',
      'readdir',
    ])
      assert.match(texts, new RegExp(`^${name} `, 'm'));
  });

  it('what is refused never reaches the target, and the session goes on', () => {
    mkdirSync(join(home, 'open'));
    mkdirSync(join(home, 'shut'));
    writeFileSync(join(home, 'shut', 'secret'), 'secret');
    writeFileSync(join(home, 'open', 'fine'), 'fine');
    const paths = { allow: [`${home}/open/**`], deny: [] };
    const { events, status } = batch(
      [
        `-get ${home}/shut/secret stolen`,
        `-put up ${home}/shut/new`,
        `-rm ${home}/shut/secret`,
        `-ln -s ${home}/shut ${home}/open/way`,
        `-rename ${home}/shut/secret ${home}/open/secret`,
        `get ${home}/open/fine got`,
      ],
      { paths },
    );
    assert.equal(status, 0);
    assert.ok(
      events.filter((event) => event['denied'] !== undefined && event['denied'] !== null).length >= 4,
    );
    assert.equal(readFileSync(join(home, 'got'), 'utf8'), 'fine');
    assert.ok(existsSync(join(home, 'shut', 'secret')));
    for (const file of ['stolen', 'shut/new', 'open/way', 'open/secret'])
      assert.ok(!existsSync(join(home, file)), file);
  });

  it('read-only: reads go, changes do not', () => {
    const { status } = batch(
      [
        `-rm ${home}/shut/secret`,
        `-put up ${home}/more`,
        `-chmod 777 ${home}/shut/secret`,
        `get ${home}/shut/secret read`,
      ],
      { readOnly: true },
    );
    assert.equal(status, 0);
    assert.equal(readFileSync(join(home, 'read'), 'utf8'), 'secret');
    assert.ok(!existsSync(join(home, 'more')));
  });

  it('a budget ends a transfer', () => {
    const { status, events } = batch([`get ${home}/up capped`], { bytesMax: 1_000_000 });
    assert.notEqual(status, 0);
    const moved = events.find((event) => event['ended'] !== undefined && Number(event['bytes']) > 0);
    assert.ok(moved === undefined || Number(moved['bytes']) <= 1_000_000);
  });
});
