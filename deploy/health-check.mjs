// Ends with 0 while the role in this container is ready, with 1 and the reason where it is not. Plain JavaScript: the image has no sources.
const port = process.env.COUNTERSIGN_HEALTH__PORT ?? '8080';
const url = `http://127.0.0.1:${port}/readyz`;
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4000) });
  console.log((await response.text()).slice(0, 2000));
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  console.log(`${url}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
