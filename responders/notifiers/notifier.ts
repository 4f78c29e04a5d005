import type { Incident } from '../../schemas/types.ts';

/** What a notification says. */
export interface Notification {
  /** The same on every repetition. */
  readonly id: string;
  readonly playbook: string;
  readonly reason: string;
  readonly incident: Incident;
  /** Where people look at it. */
  readonly link?: string;
}

export type SendResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string; readonly passing: boolean };

export interface Notifier {
  readonly name: string;
  send(notification: Notification, signal: AbortSignal): Promise<SendResult>;
}

export interface Notifiers {
  has(name: string): boolean;
  names(): string[];
  send(name: string, notification: Notification, signal: AbortSignal): Promise<SendResult>;
}
