/** What a rule leaves open, by kind of issuer. Claims as their issuers document them. */
import type { CertificateSourceConfig, IssuerConfig } from '../../../schemas/config/access.ts';
import type { IdentityKind } from '../../../schemas/types.ts';

export interface KindDefaults {
  readonly identityKind: IdentityKind;
  readonly displayName: readonly string[];
  readonly credentialSource: readonly string[];
  readonly groupsClaim: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** One of these claims must be among those that a rule matches: anybody can get a token of such an issuer. */
  readonly tenantClaims: readonly string[];
}

const workload = { identityKind: 'workload', groupsClaim: undefined, tenantClaims: [] } as const;

export const DEFAULTS: Readonly<
  Record<IssuerConfig['kind'] | CertificateSourceConfig['kind'], KindDefaults>
> = {
  oidc: {
    identityKind: 'human',
    displayName: ['{name}', '{preferred_username}', '{email}', '{sub}'],
    credentialSource: ['{azp}', '{client_id}', '{aud}', '{/aud/0}'],
    groupsClaim: 'groups',
    attributes: { email: '{email}', user_name: '{preferred_username}' },
    tenantClaims: [],
  },
  // https://docs.github.com/en/actions/reference/security/oidc
  'github-actions': {
    ...workload,
    displayName: ['{repository} {workflow}', '{sub}'],
    credentialSource: ['{repository}:{environment}', '{repository}'],
    attributes: {
      repository: '{repository}',
      repository_owner: '{repository_owner}',
      ref: '{ref}',
      sha: '{sha}',
      workflow: '{workflow}',
      workflow_ref: '{job_workflow_ref}',
      environment: '{environment}',
      event_name: '{event_name}',
      run_id: '{run_id}',
      run_attempt: '{run_attempt}',
      actor: '{actor}',
    },
    tenantClaims: [
      'repository',
      'repository_id',
      'repository_owner',
      'repository_owner_id',
      'enterprise',
      'enterprise_id',
      'sub',
    ],
  },
  // https://docs.gitlab.com/ci/secrets/id_token_authentication/
  gitlab: {
    ...workload,
    displayName: ['{project_path} {ref}', '{sub}'],
    credentialSource: ['{project_path}:{environment}', '{project_path}'],
    attributes: {
      repository: '{project_path}',
      ref: '{ref}',
      sha: '{sha}',
      workflow_ref: '{ci_config_ref_uri}',
      environment: '{environment}',
      event_name: '{pipeline_source}',
      run_id: '{pipeline_id}',
      job_id: '{job_id}',
      actor: '{user_login}',
    },
    tenantClaims: ['project_path', 'project_id', 'namespace_path', 'namespace_id', 'sub'],
  },
  // https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
  kubernetes: {
    ...workload,
    displayName: ['{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}', '{sub}'],
    credentialSource: ['{/kubernetes.io/namespace}/{/kubernetes.io/serviceaccount/name}', '{sub}'],
    attributes: {
      namespace: '{/kubernetes.io/namespace}',
      service_account: '{/kubernetes.io/serviceaccount/name}',
      service_account_uid: '{/kubernetes.io/serviceaccount/uid}',
      pod: '{/kubernetes.io/pod/name}',
      run_id: '{/kubernetes.io/pod/uid}',
      node: '{/kubernetes.io/node/name}',
    },
  },
  // https://spiffe.io/docs/latest/spiffe-specs/jwt-svid/
  'spiffe-jwt': {
    ...workload,
    displayName: ['{sub}'],
    credentialSource: ['{sub}'],
    attributes: { spiffe_id: '{sub}' },
  },
  jwt: {
    ...workload,
    displayName: ['{name}', '{sub}'],
    credentialSource: ['{azp}', '{client_id}', '{sub}'],
    groupsClaim: 'groups',
    attributes: {},
  },
  'spiffe-x509': {
    ...workload,
    displayName: ['{sub}'],
    credentialSource: ['{sub}'],
    attributes: { spiffe_id: '{sub}', certificate_serial: '{serial}' },
  },
  x509: {
    ...workload,
    displayName: ['{cn}', '{sub}'],
    credentialSource: ['{sub}'],
    attributes: { certificate_serial: '{serial}', certificate_issuer: '{issuer}' },
  },
};
