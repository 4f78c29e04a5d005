/**
 * Calls in both directions over one MessagePort. Each call is answered once, with a result or an error; errors keep their codes.
 *
 *   { call: id, method, args }   ->   { answer: id, result } | { answer: id, error }
 *
 * Binary arguments are buffers of their own and are transferred, not copied.
 */
import type { MessagePort } from 'node:worker_threads';
import { CountersignError, type ErrorDetails } from '../../errors/errors.ts';
import { eventLogError } from '../errors.ts';

interface WireError {
  readonly message: string;
  readonly name: string;
  readonly stack: string | undefined;
  readonly coded:
    | {
        readonly code: string;
        readonly hint: string;
        readonly status: number;
        readonly details: ErrorDetails;
      }
    | undefined;
}

interface CallMessage {
  readonly call: number;
  readonly method: string;
  readonly args: readonly unknown[];
}
interface AnswerMessage {
  readonly answer: number;
  readonly result?: unknown;
  readonly error?: WireError;
}
type Message = CallMessage | AnswerMessage;

/** Calls under way at a time; callers await what they ask, so more means a bug. */
const CALLS_MAX = 100_000;

export type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

export interface Calls {
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  /** Calls under way fail with EVENT_LOG_CLOSED; the port is closed. */
  close(): void;
  readonly closed: boolean;
}

export function toWire(error: unknown): WireError {
  const given = error instanceof Error ? error : new Error(String(error));
  const coded =
    given instanceof CountersignError
      ? { code: given.code, hint: given.hint, status: given.status, details: given.details }
      : undefined;
  return { message: given.message, name: given.name, stack: given.stack, coded };
}

export function fromWire(wire: WireError): Error {
  const { coded } = wire;
  if (coded !== undefined)
    return new CountersignError(
      coded.code,
      { message: wire.message, hint: coded.hint, status: coded.status },
      coded.details,
    );
  const error = new Error(wire.message);
  error.name = wire.name;
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

const buffersOf = (values: readonly unknown[]): ArrayBuffer[] =>
  values.flatMap((value) => (value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : []));

/** Starts to serve `methods` on the port. `onClose` is called once, when either side has closed or its thread has ended. */
export function createCalls(port: MessagePort, methods: Methods, onClose: () => void): Calls {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  let nextId = 1;
  let closed = false;

  const answer = async (message: CallMessage): Promise<void> => {
    let reply: AnswerMessage;
    try {
      const method = methods[message.method];
      if (method === undefined) throw new Error(`unknown method ${message.method}`);
      reply = { answer: message.call, result: await method(...(message.args as never[])) };
    } catch (error) {
      reply = { answer: message.call, error: toWire(error) };
    }
    if (!closed) port.postMessage(reply, buffersOf([reply.result]));
  };
  const onMessage = (message: Message): void => {
    if ('call' in message) {
      // An answer that cannot be copied to the other thread: that thread must hear of it, or it waits forever.
      answer(message).catch((error: unknown) => {
        if (!closed) port.postMessage({ answer: message.call, error: toWire(error) });
      });
      return;
    }
    const call = waiting.get(message.answer);
    waiting.delete(message.answer);
    if (message.error === undefined) call?.resolve(message.result);
    else call?.reject(fromWire(message.error));
  };
  const end = (): void => {
    if (closed) return;
    closed = true;
    for (const call of waiting.values()) call.reject(eventLogError('EVENT_LOG_CLOSED'));
    waiting.clear();
    onClose();
  };
  port.on('message', onMessage);
  port.on('close', end);
  return {
    async call<T>(method: string, ...args: unknown[]): Promise<T> {
      if (closed) throw eventLogError('EVENT_LOG_CLOSED');
      if (waiting.size >= CALLS_MAX) throw new Error(`over ${CALLS_MAX} calls under way`);
      const result = await new Promise<unknown>((resolve, reject) => {
        const id = nextId;
        nextId += 1;
        waiting.set(id, { resolve, reject });
        port.postMessage({ call: id, method, args }, buffersOf(args));
      });
      return result as T;
    },
    close() {
      end();
      port.close();
    },
    get closed() {
      return closed;
    },
  };
}
