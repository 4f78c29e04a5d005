import * as api from '../../../schemas/api/ssh.ts';
import { controlApiError } from '../errors.ts';
import { mayCall } from '../http/api-tokens.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

export const ssh: Resource = (app, { services }) => {
  app.post('/v1/ssh/certificates', {
    // Who shows a token may have a certificate for that very token.
    config: { scope: 'any' },
    schema: {
      tags: ['ssh'],
      summary: 'Certify a public key for what a token opens',
      body: api.SshCertificateRequest,
      response: answers(api.SshCertificateAnswer),
    },
    handler(request) {
      const { principal } = request;
      if (principal?.tokenId !== request.body.tokenId && !mayCall(principal!, 'issue'))
        throw controlApiError('CONTROL_API_FORBIDDEN', { subject: principal!.subject, scope: 'issue' });
      const mutation = {
        action: 'ssh.certificate',
        subject: `token:${request.body.tokenId}`,
        reason: 'a certificate was asked for',
      };
      return mutate(services, request, mutation, async () => ({
        outcome: 'recorded',
        value: valueOf(await services.sshCertificate(request.body)),
      }));
    },
  });
};
