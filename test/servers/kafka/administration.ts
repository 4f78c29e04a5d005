/** What tests ask a running Kafka, and change in it, past its security. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { type AclEntry, type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import {
  alterUserScramCredentialsV0,
  Connection,
  describeAclsV3,
  describeQuorumV2,
} from '@platformatic/kafka';
import { until } from '../../support/until.ts';

const SCRAM = [
  { mechanism: 1, digest: 'sha256', bytes: 32 },
  { mechanism: 2, digest: 'sha512', bytes: 64 },
] as const;
const ITERATIONS = 4096;

type Address = { readonly host: string; readonly port: number };

async function withConnection<T>(address: Address, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection('countersign-test');
  await connection.connect(address.host, address.port);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

export async function withAdmin<T>(
  brokers: readonly string[],
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({ clientId: 'test', brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Makes a user who logs in by SCRAM-SHA-256 or -512 (KIP-554), or gives it another password. */
export function addScramUser(address: Address, name: string, password: string): Promise<void> {
  return withConnection(address, async (connection) => {
    // One at a time: a user may stand only once in a request.
    for (const { mechanism, digest, bytes } of SCRAM) {
      const salt = randomBytes(16);
      const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, bytes, digest);
      const upsert = { name, mechanism, iterations: ITERATIONS, salt, saltedPassword };
      await alterUserScramCredentialsV0.api.async(connection, [], [upsert]);
    }
  });
}

/** Node that leads the metadata quorum: the active controller. */
export function quorumLeader(address: Address): Promise<number> {
  return withConnection(address, async (connection) => {
    const answer = await describeQuorumV2.api.async(connection, [
      { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] },
    ]);
    return answer.topics[0]!.partitions[0]!.leaderId;
  });
}

/** Node that leads a partition; -1 where none does. */
export function partitionLeader(
  brokers: readonly string[],
  topic: string,
  partition: number,
): Promise<number> {
  return withAdmin(brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions.find((one) => one.partitionId === partition)!.leader;
  });
}

const ANY = 1;

/** What a broker goes by, in words that can be compared. */
function rightsInForce(address: Address): Promise<Set<string>> {
  return withConnection(address, async (connection) => {
    const { resources } = await describeAclsV3.api.async(connection, {
      resourceType: ANY,
      resourcePatternType: ANY,
      operation: ANY,
      permissionType: ANY,
      resourceName: null,
      principal: null,
      host: null,
    });
    return new Set(
      resources.flatMap((resource) =>
        resource.acls.map((permission) => words({ ...resource, ...permission })),
      ),
    );
  });
}

function words(entry: { readonly [Part in keyof AclEntry]: AclEntry[Part] | number }): string {
  const { resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType } =
    entry;
  return [resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType].join(
    ' ',
  );
}

/** Allows what the entries say; whatever no entry names stays forbidden. Resolves when every broker given goes by it. */
export async function addAcls(brokers: readonly Address[], acl: readonly AclEntry[]): Promise<void> {
  const addresses = brokers.map(({ host, port }) => `${host}:${port}`);
  await withAdmin(addresses, (admin) => admin.createAcls({ acl: [...acl] }));
  for (const broker of brokers)
    // The controller has them when it answers; brokers read them from its log.
    await until('a broker goes by its ACLs', async () => {
      const inForce = await rightsInForce(broker);
      return acl.every((entry) => inForce.has(words(entry)));
    });
}

/** Resolves when a broker knows the password: it too comes from the controller's log. */
export async function untilLoginPasses(config: Omit<KafkaConfig, 'logLevel' | 'retry'>): Promise<void> {
  await until('a user can log in', async () => {
    const admin = new Kafka({ ...config, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    const passed = await admin.connect().then(
      () => true,
      () => false,
    );
    await admin.disconnect();
    return passed;
  });
}
