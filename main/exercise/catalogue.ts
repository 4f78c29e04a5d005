/** Exercises by name: an attack that must be contained, or a benign change that must not. */
import { ATTACKS } from './attacks.ts';
import { BENIGN_CHANGES } from './benign.ts';
import type { Actor, Draw, PlannedSession } from './plan.ts';

export interface Exercise {
  readonly name: string;
  readonly summary: string;
  /** What a right outcome is. */
  readonly expect: 'contained' | 'untouched';
  /** Job of the actor, or any. */
  readonly job?: string;
  /** Who acts, where it is none that works on the sample database. */
  readonly drawActor?: (draw: Draw, number: number) => Actor;
  plan(actor: Actor, draw: Draw, dayStart: number): PlannedSession[];
}

const attack = (name: string): Exercise['plan'] => ATTACKS.find((candidate) => candidate.name === name)!.plan;
const benign = (name: string): Exercise['plan'] =>
  BENIGN_CHANGES.find((candidate) => candidate.name === name)!.plan;

export const EXERCISES: readonly Exercise[] = [
  {
    name: 'impersonation',
    summary: "A CI account's token is used at night from elsewhere, with other commands and a bulk read.",
    expect: 'contained',
    job: 'deploy',
    plan: attack('stolen-token'),
  },
  {
    name: 'benign-twin',
    summary:
      'A hotfix is deployed at night, and the runner has moved to another network: nobody may be locked out.',
    expect: 'untouched',
    job: 'deploy',
    // The attack's hour and place with the account's own work: a hotfix changes no habit of what is touched. What it would do by day on
    // the next days happens within seconds here, so nothing that belongs to another day is mixed in.
    plan: (actor, draw, dayStart) => [
      ...benign('night-deploy')(actor, draw, dayStart).slice(0, 1),
      ...benign('moved-runner')(actor, draw, dayStart).slice(0, 2),
    ],
  },
  ...ATTACKS.map(({ name, summary, plan }): Exercise => ({ name, summary, expect: 'contained', plan })),
  ...BENIGN_CHANGES.map(({ name, summary, plan }): Exercise => ({
    name,
    summary,
    expect: 'untouched',
    plan,
  })),
];
