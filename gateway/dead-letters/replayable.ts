import { TOPICS } from '../../schemas/topics.ts';

/** `unless-newer`: only while no later record has its key, since the last one of a key is the one that counts. */
export type Replayable = 'yes' | 'unless-newer' | { readonly no: string };

const BY_TOPIC: Readonly<Record<string, Replayable>> = {
  [TOPICS.sessionEvents.name]: 'yes',
  [TOPICS.sessionData.name]: 'yes',
  [TOPICS.detections.name]: 'yes',
  [TOPICS.responses.name]: 'yes',
  [TOPICS.deadLetters.name]: 'yes',
  [TOPICS.incidents.name]: 'unless-newer',
  [TOPICS.rekeyedEvents.name]: { no: 'the session event that it was made from can be' },
  [TOPICS.verdicts.name]: { no: 'a verdict is about a request that waited for it; its time is over' },
  [TOPICS.control.name]: {
    no: 'the control store is the truth about control records, and a gateway publishes what the topic lacks when it starts',
  },
  [TOPICS.detectorState.name]: { no: 'the detectors write their state anew from the events' },
};

/** May a record be put into this topic once more? */
export const replayable = (topic: string): Replayable =>
  BY_TOPIC[topic] ?? { no: `${topic} is no topic of Countersign` };
