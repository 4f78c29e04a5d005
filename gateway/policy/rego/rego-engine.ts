/** OPA bundles evaluated in this process: loaded, verified, watched, exchanged as a whole. */
import { readFileSync } from 'node:fs';
import { sha256Hex } from '../../../platform/digest/sha256.ts';
import type { Timer } from '../../../platform/clock/clock.ts';
import { isCountersignError, type CountersignError } from '../../../platform/errors/errors.ts';
import type { RegoConfig } from '../../../schemas/config/policy-engines.ts';
import type { Engine, EngineDeps } from '../engine.ts';
import { policyError } from '../errors.ts';
import { createFileSource, createServerSource, type BundleSource } from './bundle-source.ts';
import { createEvaluator, type Evaluator } from './evaluator.ts';
import { readBundle } from './read-bundle.ts';
import type { Verifier } from './verify-bundle.ts';

interface InForce {
  readonly evaluator: Evaluator;
  readonly revision: string;
}

export function createRegoEngine(deps: EngineDeps, config: RegoConfig): Engine {
  const { clock, log, metrics } = deps;
  const callbacks: (() => void)[] = [];
  const reloads = metrics.counter('countersign_policy_bundles_total', 'Policy bundles looked at and taken.', [
    'outcome',
  ]);
  const source = makeSource(deps, config);
  let inForce: InForce | undefined;
  let lastFault: CountersignError | undefined;
  let timer: Timer | undefined;
  let looking: Promise<CountersignError | undefined> | undefined;
  let closed = false;

  const readVerifier = async (): Promise<Verifier | null> => {
    const { verification } = config;
    if (verification === undefined) return null;
    const { keyId, algorithm, publicKeyFile, secret, scope } = verification;
    const key =
      secret === undefined ? readFileSync(publicKeyFile ?? '', 'utf8') : await deps.readSecret(secret);
    return { keyId, algorithm, key, scope: scope ?? null };
  };
  const take = async (packed: Buffer): Promise<CountersignError | undefined> => {
    const read = await readBundle(packed, {
      place: source.place,
      entrypoint: config.entrypoint,
      bundleBytesMax: config.bundleBytesMax,
      verifier: await readVerifier(),
    });
    if (!read.ok) return read.error;
    if (closed) return undefined;
    const { bundle } = read;
    const before = inForce?.evaluator;
    const digest = sha256Hex(packed, 12);
    inForce = {
      evaluator: createEvaluator(clock, bundle, config),
      revision: bundle.revision === '' ? digest : `${bundle.revision}/${digest}`,
    };
    inForce.evaluator.warm();
    for (const callback of callbacks) callback();
    before?.close();
    log.info({ place: source.place, revision: inForce.revision }, 'a policy bundle is in force');
    return undefined;
  };
  const lookOnce = async (): Promise<CountersignError | undefined> => {
    const looked = await source.look();
    if (looked.kind === 'same') return lastFault;
    if (looked.kind === 'missing')
      return policyError('POLICY_BUNDLE_MISSING', { place: source.place, reason: looked.reason });
    try {
      return await take(looked.packed);
    } catch (cause) {
      // The key of its signature cannot be read: next time it may.
      source.forget();
      if (isCountersignError(cause)) return cause;
      const reason = `its key cannot be read (${(cause as NodeJS.ErrnoException).code ?? (cause as Error).name})`;
      return policyError('POLICY_BUNDLE_UNTRUSTED', { place: source.place, reason }, cause);
    }
  };
  const look = (): Promise<CountersignError | undefined> => {
    looking ??= lookOnce()
      .then((fault) => {
        if (fault !== undefined && fault.message !== lastFault?.message) {
          reloads.add(1, { outcome: 'refused' });
          log.error(
            {
              code: fault.code,
              message: fault.message,
              hint: fault.hint,
              inForce: inForce?.revision ?? null,
            },
            inForce === undefined
              ? 'there is no policy: everything is denied'
              : 'a policy bundle was refused',
          );
        } else if (fault === undefined && lastFault !== undefined) reloads.add(1, { outcome: 'taken' });
        lastFault = fault;
        return fault;
      })
      .finally(() => (looking = undefined));
    return looking;
  };

  return {
    path: config.entrypoint,
    revision: () => inForce?.revision ?? '',
    onChange: (callback) => void callbacks.push(callback),
    ask: (document) =>
      inForce === undefined
        ? Promise.resolve({
            ok: false,
            error:
              lastFault ??
              policyError('POLICY_BUNDLE_MISSING', { place: source.place, reason: 'not yet read' }),
          })
        : inForce.evaluator.evaluate(document),
    async start() {
      await look();
      timer = clock.every(config.pollMs, () => {
        look().catch(() => undefined);
      });
    },
    refresh: look,
    fault: () => (inForce === undefined ? lastFault : undefined),
    close() {
      closed = true;
      timer?.cancel();
      source.close();
      inForce?.evaluator.close();
    },
  };
}

function makeSource({ clock, readSecret }: EngineDeps, config: RegoConfig): BundleSource {
  const { bundleFile, bundleUrl, caFile, token, bundleBytesMax } = config;
  if (bundleFile !== undefined) return createFileSource(bundleFile, bundleBytesMax);
  return createServerSource(
    clock,
    { url: bundleUrl ?? '', bytesMax: bundleBytesMax, ...(caFile === undefined ? {} : { caFile }) },
    async () => (token === undefined ? null : await readSecret(token)),
  );
}
