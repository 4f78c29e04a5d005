import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/dead-letters.ts';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import { controlApiError } from '../errors.ts';
import { mutate } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

/** Finding a letter reads a whole partition; two at once are enough. */
const READERS_MAX = 2;

const absent = (id: string) => controlApiError('CONTROL_API_NOT_FOUND', { what: `dead letter ${id}` });

export const deadLetters: Resource = (app, { services, writer }) => {
  const letters = services.deadLetters;
  let reading = 0;
  const inTurn = async <T>(read: () => Promise<T>): Promise<T> => {
    if (reading >= READERS_MAX)
      throw controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: `${reading} others read dead letters` });
    reading += 1;
    try {
      return await read();
    } finally {
      reading -= 1;
    }
  };
  const find = (ids: readonly string[]) => inTurn(() => letters.find(ids));

  app.get('/v1/dead-letters', {
    config: { scope: 'read' },
    schema: {
      tags: ['dead letters'],
      summary: 'Records that were given up, newest first',
      querystring: api.DeadLetterQuery,
      response: answers(pageOf(api.DeadLetterSummary)),
    },
    handler: ({ query }) =>
      query.source === 'log' ? inTurn(() => letters.list(query)) : letters.list(query),
  });

  app.get('/v1/dead-letters/:id', {
    config: { scope: 'read' },
    schema: {
      tags: ['dead letters'],
      summary: 'One record that was given up, decoded where it can be, and its bytes',
      params: IdParams,
      response: answers(api.DeadLetterDetail),
    },
    async handler(request) {
      const { id } = request.params;
      const letter = (await find([id])).get(id);
      if (letter === undefined) throw absent(id);
      return letters.describe(letter);
    },
  });

  app.post('/v1/dead-letters/replay', {
    config: { scope: 'admin' },
    schema: {
      tags: ['dead letters'],
      summary: 'Put records into their topics once more, each once',
      body: api.ReplayRequest,
      response: answers(api.ReplayAnswer),
    },
    async handler(request) {
      const { ids, reason } = request.body;
      const found = await find(ids);
      const results: api.ReplayResult[] = [];
      for (const id of ids) {
        const letter = found.get(id);
        const mutation = { action: 'dead-letter.replay', subject: `dead-letter:${id}`, reason };
        const work = async ({ by }: { by: string }) => {
          if (letter === undefined) throw absent(id);
          const value = await letters.replay(letter, by, writer());
          return { outcome: value.before ? 'replayed before' : 'replayed', value };
        };
        try {
          const { before, replayed } = await mutate(services, request, mutation, work);
          const outcome = before ? 'replayed_before' : 'replayed';
          results.push({ id, outcome, replayed, code: null, detail: null });
        } catch (error) {
          if (!isCountersignError(error) || error.status >= 500) throw error;
          const { code, message: detail } = error;
          results.push({ id, outcome: 'refused', replayed: null, code, detail });
        }
      }
      return { results };
    },
  });
};
