/** The calls of Confluent's REST API that we need (https://docs.confluent.io/platform/current/schema-registry/develop/api.html). */
import { schemaRegistryError } from './errors.ts';
import type { Answer, HttpClient } from './http-client.ts';

export interface RegisteredVersion {
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

export type RegistryResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/**
 * Each call: `ok: false` where nobody answers (also 429 and 5xx: worth another try). Rejects with SCHEMA_REGISTRY_DENIED or
 * SCHEMA_REGISTRY_FAILED on what another try does not mend.
 */
export interface RegistryApi {
  /** Versions of a subject, oldest first; none where there is no subject. */
  versions(subject: string): Promise<RegistryResult<readonly RegisteredVersion[]>>;
  /** The registry's own word on a schema against the latest version; undefined where it has nothing to say. */
  incompatibility(subject: string, schema: string): Promise<RegistryResult<string | undefined>>;
  /** The schema's id; as `refused` where it breaks the compatibility of the subject. */
  register(subject: string, schema: string): Promise<RegistryResult<{ id: number } | { refused: string }>>;
  /** True where the subject has a level of its own. */
  hasLevel(subject: string): Promise<RegistryResult<boolean>>;
  setLevel(subject: string, level: string): Promise<RegistryResult<void>>;
  /** Undefined: there is no such id. */
  schema(id: number): Promise<RegistryResult<string | undefined>>;
}

const REASON_CHARS_MAX = 500;

interface Told {
  readonly status: number;
  readonly json: unknown;
}

const messageOf = (body: string): string => {
  let message: unknown;
  try {
    message = (JSON.parse(body) as { message?: unknown }).message;
  } catch {
    // Not JSON: the text itself.
  }
  return (typeof message === 'string' ? message : body).slice(0, REASON_CHARS_MAX);
};

export function createRegistryApi(http: HttpClient, url: string): RegistryApi {
  const fail = (code: 'SCHEMA_REGISTRY_DENIED' | 'SCHEMA_REGISTRY_FAILED', status: number, body: string) =>
    schemaRegistryError(code, { url, status, reason: messageOf(body) });

  /** The answer where it is one of `expected` or 200; what another try may mend as not ok. */
  const judge = (answer: Answer, expected: readonly number[]): RegistryResult<Told> => {
    if (!answer.ok) return answer;
    const { status, body } = answer;
    if (status >= 500 || status === 429) return { ok: false, reason: `${status} ${messageOf(body)}` };
    if (status === 401 || status === 403) throw fail('SCHEMA_REGISTRY_DENIED', status, body);
    if (expected.includes(status)) return { ok: true, value: { status, json: { message: messageOf(body) } } };
    if (status !== 200) throw fail('SCHEMA_REGISTRY_FAILED', status, body);
    try {
      return { ok: true, value: { status, json: JSON.parse(body) as unknown } };
    } catch {
      throw fail('SCHEMA_REGISTRY_FAILED', status, body);
    }
  };
  const call = async (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    expected: readonly number[],
    body?: object,
  ): Promise<RegistryResult<Told>> => judge(await http.call(method, path, body), expected);
  const subjectPath = (subject: string): string => `/subjects/${encodeURIComponent(subject)}/versions`;

  return {
    async versions(subject) {
      const listed = await call('GET', subjectPath(subject), [404]);
      if (!listed.ok) return listed;
      if (listed.value.status === 404) return { ok: true, value: [] };
      const found: RegisteredVersion[] = [];
      for (const version of listed.value.json as number[]) {
        const read = await call('GET', `${subjectPath(subject)}/${version}`, [404]);
        if (!read.ok) return read;
        // Somebody may have deleted it in the meantime.
        if (read.value.status === 404) continue;
        const { id, schema } = read.value.json as { id: number; schema: string };
        found.push({ version, id, schema });
      }
      return { ok: true, value: found };
    },
    async incompatibility(subject, schema) {
      const path = `/compatibility${subjectPath(subject)}/latest?verbose=true`;
      const asked = await call('POST', path, [404, 405], { schema });
      if (!asked.ok) return asked;
      const told = asked.value.json as { is_compatible?: boolean; reason?: string; messages?: string[] };
      if (asked.value.status !== 200 || told.is_compatible !== false) return { ok: true, value: undefined };
      return { ok: true, value: (told.messages ?? [told.reason ?? 'it does not say why']).join('; ') };
    },
    async register(subject, schema) {
      const made = await call('POST', subjectPath(subject), [409, 422], { schema, schemaType: 'AVRO' });
      if (!made.ok) return made;
      const told = made.value.json as { id: number; message: string };
      return { ok: true, value: made.value.status === 200 ? { id: told.id } : { refused: told.message } };
    },
    async hasLevel(subject) {
      const asked = await call('GET', `/config/${encodeURIComponent(subject)}`, [404]);
      if (!asked.ok) return asked;
      const level = (asked.value.json as { compatibilityLevel?: string }).compatibilityLevel;
      // Apicurio answers NONE where nothing is set.
      return { ok: true, value: asked.value.status === 200 && level !== undefined && level !== 'NONE' };
    },
    async setLevel(subject, compatibility) {
      // 409: another copy of us sets it at this moment.
      const set = await call('PUT', `/config/${encodeURIComponent(subject)}`, [404, 405, 409, 422], {
        compatibility,
      });
      return set.ok ? { ok: true, value: undefined } : set;
    },
    async schema(id) {
      const read = await call('GET', `/schemas/ids/${id}`, [404]);
      if (!read.ok) return read;
      if (read.value.status === 404) return { ok: true, value: undefined };
      return { ok: true, value: (read.value.json as { schema: string }).schema };
    },
  };
}
