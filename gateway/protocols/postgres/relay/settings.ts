/**
 * Session state that changes what statements mean: search_path, role, standard_conforming_strings, client_encoding. Some of it
 * the target reports (only before ReadyForQuery, and search_path only since 18), the rest is asked for after each statement that
 * may change it, and again at the end of the transaction, which may take it back. Asked with SHOW, which takes no snapshot, so
 * that the client's SET TRANSACTION still works.
 */
import type { SessionSettings } from '../analysis/analyser.ts';
import { FRONTEND } from '../wire/message-types.ts';
import { bind, execute, FLUSH, message, parse, SYNC } from '../wire/messages.ts';
import type { TextEncoding } from '../wire/decode.ts';

const ASKED = ['search_path', 'role', 'standard_conforming_strings', 'client_encoding'] as const;

const close = (kind: 'S' | 'P', name: string): Buffer =>
  message(FRONTEND.close, Buffer.from(`${kind}${name}\0`));

const questions = (name: string): Buffer =>
  Buffer.concat(
    ASKED.flatMap((setting) => [
      parse(name, `/* countersign */ show ${setting}`),
      bind(name, name),
      execute(name),
      close('P', name),
      close('S', name),
    ]),
  );

export class SettingsTracker {
  current: SessionSettings;
  /** Changes with each change of `current`. */
  version = 0;
  /** Settings may have changed in a transaction that is still open. */
  dirty = false;
  /** Decoding of statement texts. */
  encoding: TextEncoding = 'utf8';
  readonly #name: string;
  /** Made when they are first asked: most sessions never do. */
  #questions: Buffer | undefined;
  #answers: string[] = [];

  constructor(initial: SessionSettings, name: string) {
    this.current = initial;
    this.#updateEncoding();
    this.#name = name;
  }

  /** Messages that ask; with a Sync where the client has sent none, else with a Flush. */
  ask(synced: boolean): Buffer {
    this.#answers = [];
    this.#questions ??= questions(this.#name);
    return Buffer.concat([this.#questions, synced ? SYNC : FLUSH]);
  }

  answer(value: string): void {
    this.#answers.push(value);
  }

  /** CloseComplete messages after which all questions are answered. */
  static readonly CLOSES = ASKED.length * 2;

  /** Takes over the answers; where one is missing, nothing is known. */
  takeAnswers(): void {
    const [searchPath, role, conforming, clientEncoding] = this.#answers;
    if (clientEncoding === undefined) this.forget();
    else
      this.#set({
        searchPath: searchPath!,
        role: role!,
        standardConformingStrings: conforming === 'on',
        clientEncoding,
      });
    this.#answers = [];
  }

  /** What may have changed is not known for now. */
  forget(): void {
    this.#set({ ...this.current, searchPath: null, role: null });
  }

  /** The target reported a parameter. */
  report(name: string, value: string): void {
    if (name === 'search_path') this.#set({ ...this.current, searchPath: value });
    else if (name === 'standard_conforming_strings')
      this.#set({ ...this.current, standardConformingStrings: value === 'on' });
    else if (name === 'client_encoding') this.#set({ ...this.current, clientEncoding: value });
  }

  #set(next: SessionSettings): void {
    const { current } = this;
    if (
      next.searchPath === current.searchPath &&
      next.role === current.role &&
      next.standardConformingStrings === current.standardConformingStrings &&
      next.clientEncoding === current.clientEncoding
    )
      return;
    this.current = next;
    this.version += 1;
    this.#updateEncoding();
  }

  #updateEncoding(): void {
    this.encoding = /^(latin1|iso_?8859_?1)$/i.test(this.current.clientEncoding) ? 'latin1' : 'utf8';
  }
}
