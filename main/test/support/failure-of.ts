/** Errors as values. */

export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
}

/** How the work fails; throws where it does not. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { code, message };
  }
  throw new Error('it did not fail');
}
