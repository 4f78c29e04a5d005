/** One subject at the start: what is there is read and compared; what lacks is registered where that breaks nothing. */
import type { OwnSchema, WriterSchema } from '../../schemas/writer-schema.ts';
import { comparable } from '../../schemas/writer-schema.ts';
import type { SchemaRegistryConfig } from '../../schemas/config/schema-registry.ts';
import type { Logger } from '../log/log.ts';
import { schemaRegistryError } from './errors.ts';
import type { RegisteredVersion, RegistryApi, RegistryResult } from './registry-api.ts';

export interface CheckedSubject {
  /** Every version that was there, by id. */
  readonly writers: ReadonlyMap<number, WriterSchema>;
  /** Id that our records are written under. Registers the schema where it is not there yet. */
  id(): Promise<number>;
}

export interface SubjectDeps {
  readonly api: RegistryApi;
  readonly log: Logger;
  /** Tries again while nobody answers; rejects with SCHEMA_REGISTRY_UNREACHABLE when the bound is over. */
  patiently<T>(work: () => Promise<RegistryResult<T>>): Promise<T>;
}

/** Changes nothing before `id`. Both reject with SCHEMA_REGISTRY_INCOMPATIBLE or SCHEMA_REGISTRY_NOT_REGISTERED. */
export async function checkSubject(
  { api, log, patiently }: SubjectDeps,
  subject: string,
  own: OwnSchema,
  config: Pick<SchemaRegistryConfig, 'autoRegister' | 'compatibility'>,
): Promise<CheckedSubject> {
  const { name: schema, json } = own;
  const incompatible = (version: number | string, reason: string) =>
    schemaRegistryError('SCHEMA_REGISTRY_INCOMPATIBLE', { schema, subject, version, reason });
  const versions = await patiently(() => api.versions(subject));
  const writers = new Map<number, WriterSchema>();
  for (const { version, id, schema: text } of versions) {
    const writer = own.writer(text);
    if (!writer.ok) throw incompatible(version, writer.reason);
    writers.set(id, writer);
  }
  const wanted = comparable(json);
  const isOurs = ({ schema: text }: RegisteredVersion): boolean => comparable(text) === wanted;
  const known = versions.find(isOurs);
  if (known !== undefined) return { id: () => Promise.resolve(known.id), writers };
  if (!config.autoRegister) throw schemaRegistryError('SCHEMA_REGISTRY_NOT_REGISTERED', { schema, subject });
  const latest = versions.at(-1);
  if (latest !== undefined) {
    const reason = await patiently(() => api.incompatibility(subject, json));
    if (reason !== undefined) throw incompatible(latest.version, reason);
  }
  const id = async (): Promise<number> => {
    const made = await patiently(() => api.register(subject, json));
    if ('refused' in made) {
      // Another copy of us may have been first, or the call before this one, whose answer came too late.
      const there = (await patiently(() => api.versions(subject))).find(isOurs);
      if (there === undefined) throw incompatible(latest?.version ?? 'none', made.refused);
      return there.id;
    }
    log.info({ subject, id: made.id, schema }, 'schema registered');
    const { compatibility } = config;
    if (latest === undefined && compatibility !== 'leave' && !(await patiently(() => api.hasLevel(subject))))
      await patiently(() => api.setLevel(subject, compatibility));
    return made.id;
  };
  return { id, writers };
}
