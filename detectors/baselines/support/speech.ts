/** When a baseline says something: not the same thing with each event, but again when it got worse or half an hour went by. */
const AGAIN_AFTER_MS = 1_800_000;
const WORSE_BY = 4;

export interface Speech {
  risk: number;
  at: number;
}

export const createSpeech = (): Speech => ({ risk: 0, at: 0 });

/** True where `risk` (0-100) is worth a finding now; remembers that it was said. */
export function worthSaying(speech: Speech, risk: number, at: number): boolean {
  if (risk < 5) return false;
  if (at - speech.at < AGAIN_AFTER_MS && risk < speech.risk + WORSE_BY) return false;
  speech.risk = risk;
  speech.at = at;
  return true;
}
