// Ends with 0 while the role in this container is ready, with 1 and the reason where it is not. Plain JavaScript: the image has no sources.
import { get } from 'node:http';

const port = process.env.COUNTERSIGN_HEALTH__PORT ?? '8080';
const TEXT_MAX = 2000;

const request = get({ host: '127.0.0.1', port, path: '/readyz', timeout: 4000, agent: false }, (response) => {
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (piece) => (text = (text + piece).slice(0, TEXT_MAX)));
  response.on('end', () => {
    console.log(text);
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
});
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', (error) => {
  console.log(`port ${port}: ${error.message}`);
  process.exitCode = 1;
});
