/** What the main thread asks the detectors' thread to read rules and directory again; the argument is the list of rule folders. */
export const RELOAD_QUESTION = 'reload';

export interface ReloadedDetectors {
  /** Rules in force. */
  readonly rules: number;
}
