/** server.properties and logging of one broker (https://kafka.apache.org/documentation/#brokerconfigs). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BrokerPorts {
  /** Without security: for everyone. With it: between brokers only, all allowed. */
  readonly plain: number;
  readonly controller: number;
  /** SASL_SSL: SCRAM over TLS. */
  readonly sasl: number;
  /** SSL: client certificates. */
  readonly ssl: number;
}

export interface BrokerConfig {
  /** 1, 2, 3. */
  readonly id: number;
  /** Ports of all brokers, of broker i at i - 1. */
  readonly ports: readonly BrokerPorts[];
  readonly folder: string;
  /** Key and certificate in one PEM file, and the certificate alone. */
  readonly tls?: { readonly keyStoreFile: string; readonly certificateFile: string };
  /** Further properties; they win. */
  readonly settings: Readonly<Record<string, string>>;
}

const HOST = '127.0.0.1';

/** Writes the files into `config.folder` and returns their paths. */
export function writeBrokerConfig(config: BrokerConfig): { properties: string; logging: string } {
  const own = config.ports[config.id - 1]!;
  const count = config.ports.length;
  const replicas = String(Math.min(3, count));
  const insync = String(count > 1 ? 2 : 1);
  const listeners = [`PLAINTEXT://${HOST}:${own.plain}`];
  if (config.tls !== undefined) listeners.push(`SASL_SSL://${HOST}:${own.sasl}`, `SSL://${HOST}:${own.ssl}`);
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(config.id),
    'controller.quorum.voters': config.ports
      .map((ports, index) => `${index + 1}@${HOST}:${ports.controller}`)
      .join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: [...listeners, `CONTROLLER://${HOST}:${own.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(config.folder, 'log'),
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': insync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': insync,
    'transaction.state.log.num.partitions': '5',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': insync,
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'log.cleaner.dedupe.buffer.size': '8388608',
    // A broker that died is noticed in three seconds instead of nine.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...(config.tls !== undefined && security(config.tls)),
    ...config.settings,
  };
  const propertiesFile = join(config.folder, 'server.properties');
  writeFileSync(
    propertiesFile,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const loggingFile = join(config.folder, 'log4j2.yaml');
  writeFileSync(loggingFile, LOGGING);
  return { properties: propertiesFile, logging: loggingFile };
}

/** SCRAM and client certificates; whoever is not named by an ACL may nothing. */
function security(tls: { keyStoreFile: string; certificateFile: string }): Record<string, string> {
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': tls.keyStoreFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': tls.certificateFile,
    'listener.name.ssl.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': login,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': login,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // Between brokers and controllers nobody logs in; those ports stand on loopback.
    'super.users': 'User:admin;User:ANONYMOUS',
  };
}

const LOGGING = `Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout: {pattern: "[%d] %p %m (%c)%n"}
  Loggers:
    Root: {level: INFO, AppenderRef: {ref: STDOUT}}
    Logger:
      - {name: org.apache.kafka.common.config.AbstractConfig, level: WARN}
      - {name: org.apache.kafka.common.config, level: WARN}
`;
