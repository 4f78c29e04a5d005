import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { lacksNamespace } from '../../../../test/servers/sshd/namespace.ts';
import { until } from '../../../../test/support/until.ts';
import { noTerminals, startStage, type Stage } from './support.ts';

/** A number of seconds that names a process: nobody else sleeps that long. */
let names = 0;
const sleeper = (): string => `sleep ${864_000 + process.pid * 100 + (names += 1)}`;
const alive = (stage: Stage, command: string): number => stage.sshd.processesRunning(command).length;

describe('ssh: ending a session', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.stop());

  const run = async (command: string, extra: readonly string[] = []) => {
    const child = stage.clients.start('ssh', ['-F', stage.clients.config, ...extra, 'target', command]);
    let stderr = '';
    child.stderr!.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    return { child, gone, said: () => stderr };
  };
  const session = () => stage.gateway.sessions.at(-1)!;

  it('a lockout closes the client and ends the command in the target', async () => {
    const command = sleeper();
    const { gone, said } = await run(command);
    await until('it runs', () => alive(stage, command) > 0);
    session().end('lockout');
    await gone;
    await until('it is gone', () => alive(stage, command) === 0);
    assert.match(said(), /locked out: killed by the test/);
    await until('the session has its end', () => session().closes.length === 1);
    assert.equal(session().closes[0]!.reason, 'lockout');
    assert.deepEqual(
      session().requests.map(({ responses }) => responses.map(({ status }) => status)),
      [['cut_off']],
    );
  });

  it('what left the process group (setsid, nohup) is found by the session and ended, and the trail lists it', async () => {
    const [inside, escaped, ignoring] = [sleeper(), sleeper(), sleeper()];
    const { gone } = await run(
      `setsid ${escaped} </dev/null >/dev/null 2>&1 & (trap '' HUP TERM; exec nohup ${ignoring} >/dev/null 2>&1) & ${inside}`,
    );
    await until('all run', () => [inside, escaped, ignoring].every((command) => alive(stage, command) > 0));
    session().end('lockout');
    await gone;
    await until('all are gone', () =>
      [inside, escaped, ignoring].every((command) => alive(stage, command) === 0),
    );
    await until('the session has its end', () => session().closes.length === 1);
    assert.match(session().closes[0]!.evidence ?? '', /ended on the target: .*pid \d+ .*sleep/);
    assert.ok(session().closes[0]!.evidence!.includes(escaped));
  });

  it('many processes that begin others all the time are ended', async () => {
    const child = sleeper();
    const begetter = `setsid sh -c "while :; do ${child} & sleep 0.02; done" </dev/null >/dev/null 2>&1 &`;
    const { gone } = await run(`${begetter.repeat(10)} ${sleeper()}`);
    await until('there are many', () => alive(stage, child) > 60);
    session().end('lockout');
    await gone;
    await until('the session has its end', () => session().closes.length === 1);
    assert.equal(alive(stage, child), 0);
    assert.match(session().closes[0]!.evidence ?? '', /ended on the target: /);
    assert.doesNotMatch(session().closes[0]!.evidence!, /begin anew/);
  });

  it('ends every job of a terminal', { skip: noTerminals }, async () => {
    const job = sleeper();
    const { child, gone } = await run(`sh -m -c '${job} & ${job}1'`, ['-tt']);
    child.stdout!.resume();
    await until('both run', () => alive(stage, job) > 0 && alive(stage, `${job}1`) > 0);
    session().end('lockout');
    await gone;
    await until('they are gone', () => alive(stage, job) + alive(stage, `${job}1`) === 0);
  });

  it('an at job is found and listed, not ended', { skip: lacking('at') }, async () => {
    const { gone } = await run('echo true | at now + 1 hour >/dev/null 2>&1; sleep 600');
    await until('it is queued', () => spawnSync('atq', { encoding: 'utf8' }).stdout.trim() !== '');
    try {
      session().end('lockout');
      await gone;
      await until('the session has its end', () => session().closes.length === 1);
      assert.match(session().closes[0]!.evidence ?? '', /left for later, not ended: at job \d+/);
    } finally {
      for (const line of spawnSync('atq', { encoding: 'utf8' }).stdout.split('\n').filter(Boolean))
        spawnSync('atrm', [line.split('\t')[0]!]);
    }
  });

  it('a client that is gone leaves no process behind', async () => {
    const [command, escaped] = [sleeper(), sleeper()];
    const { child } = await run(`setsid ${escaped} </dev/null >/dev/null 2>&1 & ${command}`);
    await until('both run', () => alive(stage, command) > 0 && alive(stage, escaped) > 0);
    child.kill('SIGKILL');
    await until('both are gone', () => alive(stage, command) === 0 && alive(stage, escaped) === 0);
    await until('the session has its end', () => session().closes.length === 1);
    assert.equal(session().closes[0]!.reason, 'client_closed');
  });

  it('what a session leaves behind at its ordinary end stays', async () => {
    const command = sleeper();
    const { gone } = await run(`nohup ${command} </dev/null >/dev/null 2>&1 & sleep 0.2`);
    await gone;
    await until('the session has its end', () => session().closes.length === 1);
    const left = stage.sshd.processesRunning(command);
    assert.equal(left.length, 1);
    for (const pid of left) process.kill(pid, 'SIGKILL');
  });

  it('ends what an earlier gateway process left, by what is kept of the session', async () => {
    const command = sleeper();
    const { child } = await run(`setsid ${command}`);
    await until('it runs', () => alive(stage, command) > 0);
    const { targetSession, target } = session().opening;
    const { sshProtocol } = await import('../protocol.ts');
    const connection = stage.gateway.deps.connection(target.connection)!;
    await sshProtocol.endLeftover(stage.gateway.deps, connection, targetSession!);
    await until('it is gone', () => alive(stage, command) === 0);
    // Twice is harmless, and so is what is none.
    await sshProtocol.endLeftover(stage.gateway.deps, connection, targetSession!);
    await sshProtocol.endLeftover(stage.gateway.deps, connection, "x'; rm -rf /");
    child.kill('SIGKILL');
  });
});

describe('ssh: what systemd runs for a session', () => {
  const namespace = { systemd: true } as const;
  const skip = lacking('sshd', 'ssh') || lacksNamespace(namespace);
  it('a transient unit is found and listed, a scope is ended', { skip }, async () => {
    const stage = await startStage({ sshd: { namespace } });
    // systemd-run writes the whole path.
    const [unit, scope] = [sleeper(), sleeper()].map((command) => `/usr/bin/${command}`) as [string, string];
    try {
      const child = stage.clients.start('ssh', [
        '-F',
        stage.clients.config,
        'target',
        `export XDG_RUNTIME_DIR=/run/user/$(id -u); systemd-run -q --user --unit=hidden-job ${unit}; systemd-run -q --user --scope ${scope} & sleep 600`,
      ]);
      const gone = new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
      });
      await until('both run', () => alive(stage, unit) === 1 && alive(stage, scope) === 1);
      const session = stage.gateway.sessions[0]!;
      session.end('lockout');
      await gone;
      await until('the scope is gone', () => alive(stage, scope) === 0);
      await until('the session has its end', () => session.closes.length === 1);
      const evidence = session.closes[0]!.evidence ?? '';
      assert.match(
        evidence,
        /left for later, not ended: .*transient unit hidden-job\.service \(.*sleep \d+\)/,
      );
      assert.ok(evidence.includes(unit));
      assert.equal(alive(stage, unit), 1);
    } finally {
      for (const pid of stage.sshd.processesRunning(unit)) process.kill(pid, 'SIGKILL');
      await stage.stop();
    }
  });
});

describe('ssh: processes that may stay', { skip: lacking('sshd', 'ssh') }, () => {
  it('with leaveProcesses a lost client ends nothing', async () => {
    const stage = await startStage({ options: { leaveProcesses: true } });
    const command = sleeper();
    try {
      const child = stage.clients.start('ssh', ['-F', stage.clients.config, 'target', command]);
      await until('it runs', () => alive(stage, command) > 0);
      child.kill('SIGKILL');
      await until('the session has its end', () => stage.gateway.sessions[0]!.closes.length === 1);
      assert.equal(alive(stage, command), 1);
    } finally {
      for (const pid of stage.sshd.processesRunning(command)) process.kill(pid, 'SIGKILL');
      await stage.stop();
    }
  });
});
