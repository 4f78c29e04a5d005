/** `node main/openapi-reference.ts` writes docs/openapi.json: the control API as the routes' schemas describe it. */
import { writeFileSync } from 'node:fs';
import { openApiDocument } from '../gateway/control-api/openapi.ts';

export const openApiText = async (): Promise<string> =>
  `${JSON.stringify(await openApiDocument(), null, 2)}\n`;

if (import.meta.main) writeFileSync(new URL('../docs/openapi.json', import.meta.url), await openApiText());
