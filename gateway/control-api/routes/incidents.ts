import { IdParams, pageOf } from '../../../schemas/api/common.ts';
import * as api from '../../../schemas/api/incidents.ts';
import type { Incident } from '../../../schemas/types.ts';
import { controlApiError } from '../errors.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, pageOptions, type Resource } from './route.ts';

const absent = (id: string) => controlApiError('CONTROL_API_NOT_FOUND', { what: `incident ${id}` });

export const incidents: Resource = (app, { services, views }) => {
  const linked = (incident: Incident): api.IncidentAnswer => {
    const link = services.incidentLink?.(incident);
    return link === undefined ? incident : { ...incident, link };
  };
  app.get('/v1/incidents', {
    config: { scope: 'read' },
    schema: {
      tags: ['incidents'],
      summary: 'Incidents, last changed first',
      querystring: api.IncidentQuery,
      response: answers(pageOf(api.IncidentAnswer)),
    },
    handler(request) {
      const { state } = request.query;
      const page = views.incidents.list(
        pageOptions(request.query),
        (incident) =>
          state === 'all' ||
          incident.state === state ||
          (state === 'unclosed' && incident.state !== 'closed'),
      );
      return Promise.resolve({ ...page, items: page.items.map(linked) });
    },
  });

  app.get('/v1/incidents/:id', {
    config: { scope: 'read' },
    schema: {
      tags: ['incidents'],
      summary: 'One incident',
      params: IdParams,
      response: answers(api.IncidentAnswer),
    },
    handler(request) {
      const incident = views.incidents.get(request.params.id);
      return incident === undefined
        ? Promise.reject(absent(request.params.id))
        : Promise.resolve(linked(incident));
    },
  });

  app.post('/v1/incidents/:id/close', {
    config: { scope: 'release' },
    schema: {
      tags: ['incidents'],
      summary: 'Close an incident; its lockouts stay',
      params: IdParams,
      body: api.CloseIncidentRequest,
      response: answers(api.CloseIncidentAnswer),
    },
    handler(request) {
      const { id } = request.params;
      const { as: closedAs, note } = request.body;
      const mutation = { action: 'incident.close', subject: `incident:${id}`, reason: note, incidentId: id };
      return mutate(services, request, mutation, async (caller) => {
        const incident = views.incidents.get(id);
        if (incident === undefined) throw absent(id);
        if (incident.state === 'closed')
          throw controlApiError('CONTROL_API_CONFLICT', {
            reason: `the incident is closed as ${incident.closedAs}`,
          });
        const { closure, revision } = valueOf(
          await services.control.closeIncident(id, { ...caller, reason: note, incidentId: id, closedAs }),
        );
        return { outcome: 'recorded', value: { incidentId: id, closedAs: closure.closedAs, revision } };
      });
    },
  });
};
