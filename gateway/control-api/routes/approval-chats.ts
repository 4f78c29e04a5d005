/** Decisions that people made in a chat: the call is proved by the chat's signature, not by a token. */
import Type from 'typebox';
import type { ApprovalWord } from '../../approvals/approval.ts';
import { approvalError } from '../../approvals/errors.ts';
import type { ChatWord } from '../../approvals/notify/callbacks.ts';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { FastifyRequest } from '../http/app.ts';
import { createRateBound } from '../http/rate-bound.ts';
import { controlApiError } from '../errors.ts';
import { mutate, valueOf } from '../http/mutation.ts';
import { outcomeOf } from './approvals.ts';
import type { Resource } from './route.ts';

const BODY_BYTES_MAX = 256 * 1024;
const Params = Type.Object({ name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' }) });

export const approvalChats: Resource = (app, { services, config }) => {
  const { chats, store, notices } = services.approvals;
  const bound = createRateBound(services.clock, { perSecond: 10, burst: 100 });

  const decide = async (request: FastifyRequest, word: ChatWord, identityId: string): Promise<string> => {
    const { approvalId, granted, reason } = word;
    const person = await services.approvals.person(identityId);
    if (person === undefined) throw approvalError('APPROVAL_CHAT_UNKNOWN');
    const mutation = { action: 'approval.decide', subject: `approval:${approvalId}`, reason };
    const decided = await mutate(
      services,
      request,
      mutation,
      async () => {
        const value = valueOf(
          await store.decide(approvalId, { identity: person, factor: null }, { granted, reason }),
        );
        await services.approvals.recordDecided({ approvalId, granted, by: identityId, reason });
        return { outcome: await outcomeOf(services, config.inForceTimeoutMs), value };
      },
      identityId,
    );
    notices.tell(decided);
    const last: ApprovalWord = decided.words.at(-1)!;
    return `Approval ${approvalId}: ${last.granted ? 'agreed' : 'refused'}; it is ${decided.state}.`;
  };

  void app.register((scope, _options, done) => {
    // The signature is over the bytes as they came.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
      (_request, body, parsed) => parsed(null, body),
    );
    scope.post('/v1/approvals/chats/:name', {
      schema: { hide: true, params: Params },
      onRequest(request, _reply, proceed) {
        proceed(
          bound.take(request.ip)
            ? undefined
            : controlApiError('CONTROL_API_TOO_MANY_CALLS', { reason: 'too many calls from this address' }),
        );
      },
      async handler(request) {
        const { name } = request.params as { name: string };
        const chat = chats.get(name);
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const word = chat?.read(request.headers, body, services.clock.now());
        if (chat === undefined || word === undefined) throw approvalError('APPROVAL_CALLBACK_REFUSED');
        const say = (text: string): object =>
          chat.kind === 'slack' ? { response_type: 'ephemeral', text } : { type: 'message', text };
        if (word === null) return say('Nothing to decide in that.');
        const identityId = chat.identityOf(word.person);
        if (identityId === undefined) return say(approvalError('APPROVAL_CHAT_UNKNOWN').message);
        try {
          return say(await decide(request, word, identityId));
        } catch (error) {
          // Chats show what a call answers only where it went well.
          if (isCountersignError(error)) return say(`${error.message} ${error.hint}`);
          throw error;
        }
      },
    });
    done();
  });
};
