/** Digests and opaque ids are looked up by field, never by words; in the full text they would be half of it. */
const NOT_TEXT =
  /(hash|digest|signature|base64|\.heads|event_id|\.evidence|idempotency_key)$|^(ecs\.version|event\.(id|module)|countersign\.[a-z_]+\.ids?)$/;

/** True for a field whose strings are found by `text`. */
export const isTextField = (field: string): boolean => !NOT_TEXT.test(field);
