/** Error codes of Kafka's protocol that mean something to us (https://kafka.apache.org/protocol#protocol_error_codes). */
import type { ByteReader } from './bytes.ts';

export const CODE = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  MESSAGE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  UNSUPPORTED_VERSION: 35,
  TOPIC_ALREADY_EXISTS: 36,
  NOT_CONTROLLER: 41,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  PREFERRED_LEADER_NOT_AVAILABLE: 80,
  THROTTLING_QUOTA_EXCEEDED: 89,
  PRODUCER_FENCED: 90,
} as const;

const NAMES = new Map<number, string>(Object.entries(CODE).map(([name, code]) => [code, name]));
export const codeName = (code: number): string => NAMES.get(code) ?? `error ${code}`;

/** The partition's leader is elsewhere or nowhere just now: look it up again and send again. */
const LEADER_MOVED: ReadonlySet<number> = new Set([
  CODE.UNKNOWN_TOPIC_OR_PARTITION,
  CODE.LEADER_NOT_AVAILABLE,
  CODE.NOT_LEADER_OR_FOLLOWER,
  CODE.BROKER_NOT_AVAILABLE,
  CODE.REPLICA_NOT_AVAILABLE,
  CODE.NETWORK_EXCEPTION,
  CODE.KAFKA_STORAGE_ERROR,
  CODE.FENCED_LEADER_EPOCH,
  CODE.UNKNOWN_LEADER_EPOCH,
  CODE.OFFSET_NOT_AVAILABLE,
  CODE.PREFERRED_LEADER_NOT_AVAILABLE,
]);
const WAIT: ReadonlySet<number> = new Set([
  CODE.CORRUPT_MESSAGE,
  CODE.REQUEST_TIMED_OUT,
  CODE.COORDINATOR_LOAD_IN_PROGRESS,
  CODE.COORDINATOR_NOT_AVAILABLE,
  CODE.NOT_COORDINATOR,
  CODE.NOT_ENOUGH_REPLICAS,
  CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  CODE.NOT_CONTROLLER,
  CODE.CONCURRENT_TRANSACTIONS,
  CODE.THROTTLING_QUOTA_EXCEEDED,
]);
const NOT_ALLOWED: ReadonlySet<number> = new Set([
  CODE.TOPIC_AUTHORIZATION_FAILED,
  CODE.GROUP_AUTHORIZATION_FAILED,
  CODE.CLUSTER_AUTHORIZATION_FAILED,
  CODE.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
]);

export const isLeaderMoved = (code: number): boolean => LEADER_MOVED.has(code);
export const isRetriable = (code: number): boolean => LEADER_MOVED.has(code) || WAIT.has(code);
export const isNotAllowed = (code: number): boolean => NOT_ALLOWED.has(code);
export const isFenced = (code: number): boolean =>
  code === CODE.INVALID_PRODUCER_EPOCH || code === CODE.PRODUCER_FENCED;

/** The broker has lost what it knew of this producer, as after a power cut: only a new identity helps. */
export const isForgotten = (code: number): boolean =>
  code === CODE.OUT_OF_ORDER_SEQUENCE_NUMBER || code === CODE.UNKNOWN_PRODUCER_ID;

/** A broker answered with an error. */
export class KafkaAnswerError extends Error {
  readonly code: number;
  constructor(code: number, what: string) {
    super(`${what}: ${codeName(code)}`);
    this.name = 'KafkaAnswerError';
    this.code = code;
  }
}

/** No answer: no connection, a broken one, a request that took too long, or a refused login. */
export class KafkaConnectionError extends Error {
  /** silent: it is connected and does not answer, as a broker that hangs. */
  readonly kind: 'unreachable' | 'silent' | 'login-refused';
  constructor(kind: KafkaConnectionError['kind'], reason: string, cause?: unknown) {
    super(reason, { cause });
    this.name = 'KafkaConnectionError';
    this.kind = kind;
  }
}

/** Throws unless the code says all is well. */
export function check(code: number, what: string): void {
  if (code !== CODE.NONE) throw new KafkaAnswerError(code, what);
}

/** Reads what many requests are answered with, a code for each partition of each topic, and throws the first that is not well. */
export function checkPartitions(answer: ByteReader, what: string): void {
  const codes = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      return answer.int16();
    });
  });
  for (const code of codes.flat()) check(code, what);
}
