/** State as JSON, maps included. */
const MAP = '$map';

export function encodeJsonState(state: unknown): Uint8Array {
  return Buffer.from(
    JSON.stringify(state, (_, value: unknown) => (value instanceof Map ? { [MAP]: [...value] } : value)),
  );
}

export function decodeJsonState(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'), (_, value: unknown) =>
    value !== null && typeof value === 'object' && MAP in value
      ? new Map((value as { [MAP]: [unknown, unknown][] })[MAP])
      : value,
  );
}
