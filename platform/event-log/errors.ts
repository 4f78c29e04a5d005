import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  EVENT_LOG_FENCED: {
    message: 'Writer {writer} was opened again elsewhere; this one may no longer append.',
    hint: 'Another process has taken over this writer name. Stop this one, or give it a name of its own.',
    status: 409,
  },
  EVENT_LOG_TOPIC_MISMATCH: {
    message: 'Topic {topic} exists with {actual}, but {wanted} is asked for.',
    hint: 'Set the configuration to what the topic has, or move its data to a new topic first.',
    status: 409,
  },
  EVENT_LOG_TOPIC_INVALID: {
    message: 'Topic {topic} cannot be made: {reason}.',
    hint: 'Use letters, digits, dots, dashes and underscores for the name (at most 200), and 1 to 1024 partitions.',
    status: 400,
  },
  EVENT_LOG_UNKNOWN_TOPIC: {
    message: 'Topic {topic} does not exist.',
    hint: 'Create it with ensureTopics before it is written or read.',
    status: 404,
  },
  EVENT_LOG_UNKNOWN_PARTITION: {
    message: 'Topic {topic} has no partition {partition}.',
    hint: 'Ask the log for the number of partitions; they are counted from 0.',
    status: 400,
  },
  EVENT_LOG_FULL: {
    message: 'The disk of the event log is full; topic {topic} took nothing.',
    hint: 'Free space on that disk, or lower the retention of the largest topics. Appending works again at once.',
    status: 507,
  },
  EVENT_LOG_DISK_FAILED: {
    message: 'The disk of the event log failed ({reason}) in topic {topic}.',
    hint: 'Check the disk and the system log. After a failed flush a partition takes nothing until the log is opened again.',
    status: 503,
  },
  EVENT_LOG_CORRUPT: {
    message:
      '{file} is damaged from byte {fromByte} to {toByte}: the records at offsets {fromOffset} to {toOffset} of {topic}/{partition} cannot be read.',
    hint: 'What is before and after stays readable. Check the disk; restore the file from a backup if these records matter.',
    status: 500,
  },
  EVENT_LOG_FORMAT: {
    message: 'The folder {folder} is not an event log that this version can read: {reason}.',
    hint: 'Point the configuration at the right folder, or use the version that wrote it.',
    status: 500,
  },
  EVENT_LOG_RECORD_TOO_LARGE: {
    message:
      'A record of {bytes} bytes for topic {topic} is over the bound of {bytesMax}; nothing of this call was appended.',
    hint: 'Send less in one record (large bodies belong in the recording), or raise recordBytesMax.',
    status: 413,
  },
  EVENT_LOG_NOT_ASSIGNED: {
    message:
      'Partition {partition} of {topic} no longer belongs to this consumer of group {group}; nothing was committed.',
    hint: 'Another member of the group has it now and gets the records again from the last commit.',
    status: 409,
  },
  EVENT_LOG_UNREACHABLE: {
    message: 'Kafka cannot be reached or does not answer in time ({reason}).',
    hint: 'Check that the brokers run, that their addresses in eventLog.kafka.brokers can be reached from here, and TLS. It is tried again by itself.',
    status: 503,
  },
  EVENT_LOG_LOGIN_REFUSED: {
    message: 'Kafka refuses the login of user {username} ({reason}).',
    hint: 'Check user, mechanism and password in eventLog.kafka.login against the SCRAM credentials in Kafka.',
    status: 503,
  },
  EVENT_LOG_NOT_ALLOWED: {
    message: 'Kafka does not allow it: {reason}.',
    hint: 'Give the user of this role the rights that docs/kafka.md lists for it.',
    status: 403,
  },
  EVENT_LOG_REFUSED: {
    message: 'Kafka refuses {what} ({reason}).',
    hint: "Look into the broker's log for the reason; settings of topics or brokers may have been changed by hand.",
    status: 502,
  },
  EVENT_LOG_QUEUE_FULL: {
    message: 'More than {bytesMax} bytes wait to be written to Kafka; topic {topic} took nothing.',
    hint: 'Kafka is slower than the writers, or away. Slow down and try again; eventLog.kafka.queueBytesMax is the bound.',
    status: 503,
  },
  EVENT_LOG_UNREADABLE: {
    message: 'The records at offset {offset} of {topic}/{partition} cannot be read: {reason}.',
    hint: 'Another program packed them in a way that is not supported: then they are in dead-letters. Where they are damaged the consumer stops; check the disks of the brokers, or set the offset of the group behind them (kafka-consumer-groups --reset-offsets) to go on.',
    status: 500,
  },
  EVENT_LOG_CLIENT_MISSING: {
    message: 'The Kafka client {client} is not installed.',
    hint: 'Install the package {package}, or set eventLog.kafka.client to kafkajs.',
    status: 500,
  },
  EVENT_LOG_CLOSED: {
    message: 'The event log is closed.',
    hint: 'The program is stopping, or the thread that owns the log has ended. Open the log again.',
    status: 503,
  },
} as const satisfies ErrorDefinitions;

/** Makes an error of this room. */
export const eventLogError = defineErrors(definitions);
