/** What a target asks a forwarded agent for: counted by kind, so that the trail says whether somebody signed with the client's keys. */

/** Types of requests (draft-ietf-sshm-ssh-agent, section 6.1). */
const KINDS: Readonly<Record<number, string>> = {
  11: 'keys listed',
  13: 'signatures',
  17: 'keys added',
  18: 'keys removed',
  19: 'keys removed',
  20: 'keys added',
  21: 'keys removed',
  22: 'locks',
  23: 'unlocks',
  25: 'keys added',
  26: 'keys added',
  27: 'extensions',
};
const HEADER_BYTES = 5;

export interface AgentTraffic {
  /** Any piece of what goes to the agent. */
  watch(bytes: Buffer): void;
  /** `1 keys listed, 2 signatures`. */
  summary(): string;
}

export function createAgentTraffic(): AgentTraffic {
  const counts = new Map<string, number>();
  /** Bytes of the message under way that are still to come. */
  let left = 0;
  let header: Buffer = Buffer.alloc(0);
  return {
    watch(bytes) {
      let at = 0;
      while (at < bytes.length) {
        const skipped = Math.min(left, bytes.length - at);
        left -= skipped;
        at += skipped;
        const taken = bytes.subarray(at, at + HEADER_BYTES - header.length);
        header = Buffer.concat([header, taken]);
        at += taken.length;
        if (header.length < HEADER_BYTES) return;
        const kind = KINDS[header[4]!] ?? 'others';
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        left = Math.max(0, header.readUInt32BE(0) - 1);
        header = Buffer.alloc(0);
      }
    },
    summary: () =>
      counts.size === 0 ? 'nothing asked' : [...counts].map(([kind, count]) => `${count} ${kind}`).join(', '),
  };
}
