/** Whose turn it is: a client's messages are handled in order, and wait behind one that cannot be decided or sent yet. */
import { postgresError } from '../errors.ts';
import { FLUSH } from '../wire/messages.ts';
import type { RelayContext } from './context.ts';
import { expected } from './expectations.ts';

export const protocolViolation = (reason: string): ReturnType<typeof postgresError> =>
  postgresError('POSTGRES_PROTOCOL_VIOLATION', { reason });

export class Turn {
  readonly #context: RelayContext;
  readonly #pump: () => void;
  held = false;
  /** What the messages behind wait for, besides. */
  #blocks = 0;
  /** Ends waiting for the target's answer. */
  #release: (() => void) | undefined;
  /** Ends waiting for whether a command reads COPY data. */
  #copyKnown: (() => void) | undefined;

  /** `pump` goes on with the messages behind. */
  constructor(context: RelayContext, pump: () => void) {
    this.#context = context;
    this.#pump = pump;
  }

  get blocked(): boolean {
    return this.#blocks > 0;
  }

  /** The messages behind wait until the work is done, whatever else they wait for. */
  block(work: Promise<unknown>): void {
    this.#blocks += 1;
    const done = (): void => {
      this.#blocks -= 1;
      if (!this.#context.isOver()) this.#pump();
    };
    work.then(done, done);
  }

  /**
   * The command that is sent now may read COPY data: the messages behind wait until the target says that it does, or has ended it.
   * A Sync that is sent sooner is swallowed by a COPY or answered, whichever the target comes to first, and nobody here could tell.
   * Returns what is to be called when it has ended.
   */
  untilCopyIsKnown(): () => void {
    let known = (): void => undefined;
    this.block(new Promise<void>((resolve) => (known = resolve)));
    this.#copyKnown = known;
    return known;
  }

  /** Goes on with a value, at once or when it comes; the messages behind wait for it. */
  later<T>(value: T | Promise<T>, proceed: (value: T) => void): void {
    if (!(value instanceof Promise)) {
      proceed(value);
      return;
    }
    this.held = true;
    value
      .then((come) => {
        if (this.#context.isOver()) return;
        this.held = false;
        proceed(come);
        this.#pump();
      })
      .catch((cause: unknown) =>
        this.#context.fail(protocolViolation(`the gateway failed: ${(cause as Error).name}`), 'error'),
      );
  }

  /** The messages behind wait until the target has answered all that was sent. */
  waitForAnswers(proceed: () => void): void {
    const { expectations, upstream } = this.#context;
    if (expectations.size === 0) {
      proceed();
      return;
    }
    upstream.insert(FLUSH);
    this.waitFor(proceed, (done) => expectations.push(expected('marker', { done })));
  }

  /** Sends what `send` adds to the queue with the callback it is given; goes on when that is answered. */
  waitFor(proceed: () => void, send: (done: () => void) => void): void {
    this.held = true;
    let called = false;
    this.#release = () => {
      called = true;
      this.#release = undefined;
      this.held = false;
      this.#context.settings.forget();
      this.#pump();
    };
    send(() => {
      if (called || this.#context.isOver()) return;
      called = true;
      this.#release = undefined;
      this.held = false;
      proceed();
      this.#pump();
    });
  }

  /** The target wants COPY data from the client: its messages may not wait for the end of that statement. */
  releaseForCopy(): void {
    this.#copyKnown?.();
    this.#release?.();
  }

  violation(reason: string): void {
    this.#context.fail(protocolViolation(reason), 'protocol_error');
  }
}
