/** Mistakes of `access` that its schema cannot see. */
import type { AccessConfig, AccessRule } from '../../../schemas/config/access.ts';
import { compileNetworks } from '../../policy/networks.ts';
import { addressFault } from '../http/json-call.ts';
import { DEFAULTS } from './defaults.ts';

export interface AccessFault {
  readonly path: readonly string[];
  readonly reason: string;
}

type Checked = Pick<AccessConfig, 'issuers' | 'certificates' | 'login' | 'scim'>;

/** Attributes that mean something to the gateway itself. */
const OWN_ATTRIBUTES = /^(exercise|ssh_key|access_|bound_)/;

function rulesFaults(
  source: {
    readonly name: string;
    readonly kind: keyof typeof DEFAULTS;
    readonly rules: readonly AccessRule[];
  },
  at: readonly string[],
): AccessFault[] {
  const { tenantClaims } = DEFAULTS[source.kind];
  return source.rules.flatMap((rule, index) => {
    const path = [...at, 'rules', String(index)];
    const faults: AccessFault[] = [];
    const say = (reason: string): void =>
      void faults.push({ path, reason: `${source.name}, rule "${rule.name}": ${reason}` });
    const patterns = tenantClaims.flatMap((claim) => rule.match[claim] ?? []);
    if (
      tenantClaims.length > 0 &&
      (patterns.length === 0 || patterns.some((pattern) => /^[*]*$/.test(pattern)))
    )
      say(`it must match one of ${tenantClaims.join(', ')}: anybody can get a token of this issuer`);
    const networks = compileNetworks(rule.networks ?? []);
    if (typeof networks !== 'function') say(networks.reason);
    const own = Object.keys(rule.attributes).find((name) => OWN_ATTRIBUTES.test(name));
    if (own !== undefined) say(`the attribute ${own} is the gateway's own`);
    return faults;
  });
}

function issuerFaults({ issuers }: Checked): AccessFault[] {
  return issuers.flatMap((issuer, index) => {
    const path = ['issuers', String(index)];
    const faults: AccessFault[] = [];
    const say = (reason: string): void => void faults.push({ path, reason: `${issuer.name}: ${reason}` });
    const { kind, trustDomain, jwks, tokenReview } = issuer;
    if (kind === 'spiffe-jwt') {
      if (trustDomain === undefined) say('kind spiffe-jwt needs trustDomain');
      if (issuer.issuer === undefined && jwks === undefined)
        say('without issuer its keys must be named (jwks)');
    } else if (issuer.issuer === undefined) say('issuer is missing');
    if (kind !== 'spiffe-jwt' && trustDomain !== undefined) say('trustDomain is for kind spiffe-jwt');
    if (tokenReview !== undefined && kind !== 'kubernetes') say('tokenReview is for kind kubernetes');
    if (issuer.userInfo && kind !== 'oidc') say('userInfo is for kind oidc');
    const asked = [
      jwks === undefined && tokenReview === undefined ? issuer.issuer : undefined,
      jwks !== undefined && 'uri' in jwks ? jwks.uri : undefined,
      tokenReview?.server,
    ];
    for (const address of asked) {
      const fault = address === undefined ? undefined : addressFault(address);
      if (fault !== undefined) say(fault);
    }
    return [...faults, ...rulesFaults(issuer, path)];
  });
}

/** All of them. */
export function checkAccessConfig(config: Checked): AccessFault[] {
  const faults = [
    ...issuerFaults(config),
    ...config.certificates.flatMap((source, index) => [
      ...(source.kind === 'spiffe-x509' && source.trustDomain === undefined
        ? [
            {
              path: ['certificates', String(index)],
              reason: `${source.name}: kind spiffe-x509 needs trustDomain`,
            },
          ]
        : []),
      ...rulesFaults(source, ['certificates', String(index)]),
    ]),
  ];
  const twice = (list: readonly (string | undefined)[], place: string, what: string): void => {
    for (const [index, one] of list.entries())
      if (one !== undefined && list.indexOf(one) !== index)
        faults.push({ path: [place, String(index)], reason: `${what} ${one} is there twice` });
  };
  const names = config.issuers.map(({ name }) => name);
  twice([...names, ...config.certificates.map(({ name }) => name)], 'issuers', 'the name');
  twice(
    config.issuers.map(({ issuer }) => issuer),
    'issuers',
    'the issuer',
  );
  twice(
    config.issuers.map(({ trustDomain }) => trustDomain),
    'issuers',
    'the trust domain',
  );
  const { login, scim } = config;
  const provider = config.issuers.find(({ name, kind }) => name === login?.issuer && kind === 'oidc');
  const sayLogin = (reason: string): void =>
    void faults.push({ path: ['login'], reason: `login: ${reason}` });
  if (login !== undefined && provider === undefined) sayLogin(`${login.issuer} is no issuer of kind oidc`);
  // Id tokens are meant for the client that asked for them.
  if (login !== undefined && provider?.userInfo === false && !provider.audiences.includes(login.clientId))
    sayLogin(`the audiences of ${login.issuer} must hold the clientId ${login.clientId}`);
  if (scim !== undefined && !names.includes(scim.issuer))
    faults.push({ path: ['scim'], reason: `scim: there is no issuer ${scim.issuer}` });
  return faults;
}
