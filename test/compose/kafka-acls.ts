/** deploy/setup/kafka-acls.txt, line by line as deploy/setup/kafka.sh reads it. */
import kafkajs, { type AclEntry } from 'kafkajs';
import { read } from './compose-file.ts';

export interface AclLine {
  readonly principal: string;
  readonly resource: string;
  readonly pattern: string;
  readonly name: string;
  readonly operations: readonly string[];
}

export function readAcls(): AclLine[] {
  const lines = read('deploy', 'setup', 'kafka-acls.txt').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [principal, resource, pattern, name, operations, ...more] = line.trim().split(/\s+/);
      if (operations === undefined || more.length > 0) throw new Error(`no right: ${line}`);
      return {
        principal: principal!,
        resource: resource!,
        pattern: pattern!,
        name: name!,
        operations: operations.split(','),
      };
    });
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const RESOURCES: Readonly<Record<string, AclEntry['resourceType']>> = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
};
const PATTERNS: Readonly<Record<string, AclEntry['resourcePatternType']>> = {
  literal: ResourcePatternTypes.LITERAL,
  prefixed: ResourcePatternTypes.PREFIXED,
};
const OPERATIONS: Readonly<Record<string, AclEntry['operation']>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
};

const known = <T>(table: Readonly<Record<string, T>>, name: string): T => {
  const value = table[name];
  if (value === undefined) throw new Error(`kafka-acls.sh has no ${name}`);
  return value;
};

/** The same rights in Kafka's protocol. */
export const aclEntries = (): AclEntry[] =>
  readAcls().flatMap(({ principal, resource, pattern, name, operations }) =>
    operations.map((operation) => ({
      principal: `User:${principal}`,
      host: '*',
      permissionType: AclPermissionTypes.ALLOW,
      operation: known(OPERATIONS, operation),
      resourceType: known(RESOURCES, resource),
      resourcePatternType: known(PATTERNS, pattern),
      resourceName: name,
    })),
  );
