/** How much a baseline may say while it knows little: nothing before a third of what it needs, all from then on in proportion. */
import { DAY_MS } from './known-items.ts';

export interface Experience {
  seen: number;
  since: number;
}

export const createExperience = (): Experience => ({ seen: 0, since: 0 });

export function gain(experience: Experience, at: number): void {
  experience.seen += 1;
  if (experience.since === 0 || at < experience.since) experience.since = at;
}

/**
 * Starts again where all that was known has been taken back: who remembers nothing must not call everything new (an account whose very
 * first run raised suspicion would stay a stranger for ever).
 */
export function startAgain(experience: Experience): void {
  experience.seen = 0;
  experience.since = 0;
}

/** 0 to 1 from events seen and days known. */
export function confidence(experience: Experience, at: number, eventsMin: number, daysMin: number): number {
  if (experience.seen === 0) return 0;
  const share = Math.min(experience.seen / eventsMin, (at - experience.since) / DAY_MS / daysMin, 1);
  return share < 1 / 3 ? 0 : share;
}

export const daysKnown = (experience: Experience, at: number): number =>
  experience.since === 0 ? 0 : Math.max(0, Math.floor((at - experience.since) / DAY_MS));
