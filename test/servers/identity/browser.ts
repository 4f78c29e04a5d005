/** As much of a browser as a login needs: cookies, redirects, forms that send themselves. Run with an address, it visits it (BROWSER). */
const HOPS_MAX = 20;

/** Where it ended, with what it shows there. */
export async function visit(address: string): Promise<{ readonly url: string; readonly text: string }> {
  const cookies = new Map<string, Map<string, string>>();
  const jarOf = (url: URL): Map<string, string> => {
    const jar = cookies.get(url.host) ?? new Map<string, string>();
    cookies.set(url.host, jar);
    return jar;
  };
  let url = new URL(address);
  let body: URLSearchParams | undefined;
  for (let hop = 0; hop < HOPS_MAX; hop += 1) {
    const jar = jarOf(url);
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body === undefined ? {} : { method: 'POST', body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const at = pair.indexOf('=');
      if (/expires=thu, 01 jan 1970/i.test(cookie)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const text = await response.text();
    const location = response.headers.get('location');
    body = undefined;
    if (location !== null) {
      url = new URL(location, url);
      continue;
    }
    const form = /<form[^>]*\baction="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(text);
    if (form === null) return { url: url.href, text };
    body = new URLSearchParams();
    for (const [input] of form[2]!.matchAll(/<(?:input|button)[^>]*>/g)) {
      const name = /\bname="([^"]+)"/.exec(input)?.[1];
      const isAbort = name === 'abort';
      if (name !== undefined && !isAbort) body.append(name, /\bvalue="([^"]*)"/.exec(input)?.[1] ?? '');
    }
    url = new URL(form[1]!.replaceAll('&amp;', '&'), url);
  }
  throw new Error(`a login without end at ${url.origin}`);
}

if (process.argv[1] === import.meta.filename) {
  const { url, text } = await visit(process.argv[2]!);
  console.log(url, text);
}
