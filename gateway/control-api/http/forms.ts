/** Bodies as OAuth has them (application/x-www-form-urlencoded); what is there twice becomes a list. */
import type { App } from './app.ts';

const FIELDS_MAX = 100;

export function readForms(app: App): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      const fields: Record<string, string | string[]> = {};
      let count = 0;
      for (const [name, value] of new URLSearchParams(String(body))) {
        count += 1;
        if (count > FIELDS_MAX) break;
        const before = Object.hasOwn(fields, name) ? fields[name]! : undefined;
        // An object without a prototype would not pass as one; this name is nobody's field.
        if (name === '__proto__') continue;
        fields[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
      }
      done(null, fields);
    },
  );
}
