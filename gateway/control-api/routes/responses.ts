import Type from 'typebox';
import { IdParams, PageQuery, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/responses.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { ResponseStep } from '../../../schemas/types.ts';
import { controlApiError } from '../errors.ts';
import { mutate } from '../http/mutation.ts';
import { answers, pageOptions, type Resource } from './route.ts';

export const responses: Resource = (app, { services, views, writer }) => {
  app.get('/v1/playbooks', {
    config: { scope: 'read' },
    schema: {
      tags: ['responses'],
      summary: 'Playbooks in force',
      querystring: Type.Object(PageQuery),
      response: answers(pageOf(api.PlaybookAnswer)),
    },
    handler(request) {
      const { limit, after } = request.query;
      const all = [...services.playbooks()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const found = all.filter(({ name }) => after === undefined || name > after);
      const items = found.slice(0, limit);
      return Promise.resolve(found.length > limit ? { items, next: items.at(-1)!.name } : { items });
    },
  });

  app.get('/v1/responses', {
    config: { scope: 'read' },
    schema: {
      tags: ['responses'],
      summary: 'Steps of playbooks, last changed first; `state=asked` is what waits for a person',
      querystring: api.ResponseQuery,
      response: answers(pageOf(api.ResponseAnswer)),
    },
    handler(request) {
      const { incident, state } = request.query;
      return Promise.resolve(
        views.responses.list(
          pageOptions(request.query),
          (step) =>
            (incident === undefined || step.incidentId === incident) &&
            (state === undefined || step.state === state),
        ),
      );
    },
  });

  /** Ids that are being decided: two people at once must not both succeed. */
  const deciding = new Set<string>();
  const decide = async (
    asked: ResponseStep,
    decision: 'confirm' | 'decline',
    by: string,
    note: string,
  ): Promise<void> => {
    const said = `${decision === 'confirm' ? 'confirmed' : 'declined'} by ${by}${note === '' ? '' : `: ${note}`}`;
    const step: ResponseStep = {
      ...asked,
      time: services.clock.now(),
      state: decision === 'confirm' ? 'intended' : 'skipped',
      detail: said,
    };
    await writer().append(TOPICS.responses.name, [
      {
        key: step.incidentId,
        value: services.codecs.response.encode(step),
        headers: decision === 'confirm' ? { [api.CONFIRMED_BY_HEADER]: by } : {},
      },
    ]);
    views.responses.put(step);
  };

  app.post('/v1/responses/:id/confirm', {
    config: { scope: 'release' },
    schema: {
      tags: ['responses'],
      summary: 'Confirm or decline what a playbook asks',
      params: IdParams,
      body: api.ConfirmRequest,
      response: answers(api.ConfirmAnswer),
    },
    handler(request): Promise<api.ConfirmAnswer> {
      const { id } = request.params;
      const { decision, note } = request.body;
      const asked = views.responses.get(id);
      const mutation = {
        action: `response.${decision}`,
        subject: asked === undefined ? `response:${id}` : asked.subject,
        reason: note,
        incidentId: asked?.incidentId,
      };
      return mutate(services, request, mutation, async ({ by }) => {
        if (asked === undefined) throw controlApiError('CONTROL_API_NOT_FOUND', { what: `response ${id}` });
        if (asked.state !== 'asked' || deciding.has(id))
          throw controlApiError('CONTROL_API_CONFLICT', {
            reason: `the response does not wait; it is ${asked.state}`,
          });
        deciding.add(id);
        try {
          await decide(asked, decision, by, note);
        } finally {
          deciding.delete(id);
        }
        const outcome = decision === 'confirm' ? 'confirmed' : 'declined';
        return { outcome: 'recorded', value: { responseId: id, outcome } };
      });
    },
  });
};
