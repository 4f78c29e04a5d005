import { defineErrors } from '../../errors/errors.ts';
import { serveWorker } from '../worker-host.ts';

const sampleError = defineErrors({
  SAMPLE_REFUSED: { message: 'Refused {what}.', hint: 'Do not.', status: 400 },
});
let calls = 0;

serveWorker(() => ({
  add: (a: number, b: number) => a + b,
  order: () => (calls += 1),
  refuse: (what: string) => {
    throw sampleError('SAMPLE_REFUSED', { what });
  },
  bug: () => {
    throw new TypeError('undefined is not a function');
  },
  die: () => process.exit(3),
  close: () => undefined,
}));
