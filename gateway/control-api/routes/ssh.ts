import * as api from '../../../schemas/api/ssh.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { answers, type Resource } from './route.ts';

export const ssh: Resource = (app, { services }) => {
  app.post('/v1/ssh/certificates', {
    config: { scope: 'issue' },
    schema: {
      tags: ['ssh'],
      summary: 'Certify a public key for what a token opens',
      body: api.SshCertificateRequest,
      response: answers(api.SshCertificateAnswer),
    },
    handler(request) {
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
