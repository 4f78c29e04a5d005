/** A connection to one broker, as either client library gives it. */
export interface Channel {
  /** Sends a request and resolves with the body of the answer. Fails with KafkaConnectionError. */
  send(request: Request): Promise<Buffer>;
  /** False once it is broken or closed; it is then to be replaced. */
  readonly usable: boolean;
  close(): void;
}

export interface Request {
  /** https://kafka.apache.org/protocol#protocol_api_keys */
  readonly api: { readonly key: number; readonly name: string };
  readonly version: number;
  readonly body: Buffer;
  /** How long the broker itself may take before it answers; added to the time that the answer may take. */
  readonly waitMs?: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Opens channels; logged in and ready. Fails with KafkaConnectionError. */
export interface Transport {
  connect(address: Address): Promise<Channel>;
}
