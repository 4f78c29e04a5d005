/** What happens with a client's bytes on a channel, by what runs there. */
export interface ChannelInput {
  /** Takes bytes of the client; a promise: the ones behind wait. */
  feed(bytes: Buffer): void | Promise<void>;
  /** Sees what comes while something before it is still decided. */
  ahead?(bytes: Buffer): void;
  /** The client sends no more. */
  end(): void | Promise<void>;
  /** Looks at (and cuts into what may go on at once) bytes of the target on their way to the client. */
  output?(bytes: Buffer): readonly Buffer[];
  /** `output` keeps what it looks at. */
  readonly keepsOutput?: boolean;
  resize?(columns: number, rows: number): void;
  /** The channel is over: reports what is open. */
  close(): void;
}

/** Where an input sends things. */
export interface InputSinks {
  toTarget(bytes: Buffer): void;
  /** Once all that went to the target before has gone, nobody looks at these bytes any more. */
  usedUp(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
  /** A line for people: on the terminal, or on stderr where there is none. */
  tellClient(text: string, prompt?: string): void;
  /** What the client sent, for the recording. */
  record(bytes: Buffer): void;
  /** The size of the terminal from now on. */
  recordSize(columns: number, rows: number): void;
  /** The channel must end: it is not what it says it is. */
  broken(reason: string): void;
  /** The channel must end: an answer has come to its limit. */
  cutOff(text: string): void;
}

/** All bytes go on: they belong to a command that was decided. */
export function createPlainInput(sinks: InputSinks): ChannelInput {
  return {
    feed(bytes) {
      sinks.record(bytes);
      sinks.toTarget(bytes);
      sinks.usedUp(bytes);
    },
    end: () => undefined,
    close: () => undefined,
  };
}

/** Nothing goes on: the list does not say that the command may read what the client sends. */
export function createNoInput(sinks: InputSinks): ChannelInput {
  let told = false;
  return {
    feed() {
      if (told) return;
      told = true;
      sinks.tellClient(
        'countersign: standard input does not reach this command (exec-only, no <stdin> in the list)',
      );
    },
    end: () => undefined,
    close: () => undefined,
  };
}
