/** The approver's page (console/approvals): files as they are, under a policy that runs nothing else. */
import { readFileSync } from 'node:fs';
import type { FastifyReply } from '../http/app.ts';
import type { Resource } from './route.ts';

const FOLDER = new URL('../../../console/approvals/', import.meta.url);
const TYPES = { html: 'text/html', css: 'text/css', js: 'text/javascript' } as const;
/** Scripts, styles and calls of this origin only; no frames, no forms to elsewhere. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

export const approvalsPage: Resource = (app) => {
  const file = (name: string, kind: keyof typeof TYPES) => {
    const content = readFileSync(new URL(`${name}.${kind}`, FOLDER));
    return (_request: unknown, reply: FastifyReply) =>
      reply
        .type(`${TYPES[kind]}; charset=utf-8`)
        .header('content-security-policy', CONTENT_SECURITY_POLICY)
        .header('x-content-type-options', 'nosniff')
        .header('referrer-policy', 'no-referrer')
        .header('cache-control', 'no-cache')
        .send(content);
  };
  const hidden = { schema: { hide: true } };
  const page = file('page', 'html');
  app.get('/approvals', hidden, page);
  app.get('/approvals/:id', hidden, page);
  app.get('/approvals/page.js', hidden, file('page', 'js'));
  app.get('/approvals/style.css', hidden, file('style', 'css'));
};
