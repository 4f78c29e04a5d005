import { TOPICS } from '../../../schemas/topics.ts';
import type { Incident, ResponseStep } from '../../../schemas/types.ts';
import type { ControlApiServices } from '../services.ts';
import { createTopicView, type TopicView } from './topic-view.ts';

export interface Views {
  readonly incidents: TopicView<Incident>;
  readonly responses: TopicView<ResponseStep>;
}

const ENTRIES_MAX = 20_000;
/** What may follow what: a record that comes late or twice must not undo a later one. */
const RANK: Readonly<Record<ResponseStep['state'], number>> = {
  asked: 0,
  observed: 0,
  intended: 1,
  failed: 2,
  skipped: 2,
  done: 3,
  undone: 4,
};

export function createViews(services: Pick<ControlApiServices, 'eventLog' | 'codecs' | 'log'>): Views {
  return {
    incidents: createTopicView<Incident>(services, {
      topic: TOPICS.incidents.name,
      codec: services.codecs.incident,
      entriesMax: ENTRIES_MAX,
      idOf: ({ incidentId }) => incidentId,
      replaces: (value, known) => value.version > known.version,
    }),
    responses: createTopicView<ResponseStep>(services, {
      topic: TOPICS.responses.name,
      codec: services.codecs.response,
      entriesMax: ENTRIES_MAX,
      idOf: ({ responseId }) => responseId,
      replaces: (value, known) => RANK[value.state] > RANK[known.state],
    }),
  };
}
