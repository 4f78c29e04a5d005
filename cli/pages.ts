import type { Page } from '../schemas/api/common.ts';
import type { ApiClient, Query } from './api-client.ts';

const PAGE = 1000;

/** The first `max` items of a list, over as many pages as that takes. */
export async function readItems<T>(
  api: ApiClient,
  path: string,
  query: Query = {},
  max = Infinity,
): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const limit = Math.min(PAGE, max - items.length);
    const page: Page<T> = await api.get<Page<T>>(path, { ...query, limit, after });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < max);
  return items;
}
