import { defineErrors, type ErrorDefinitions } from '../errors/errors.ts';

export const definitions = {
  SEARCH_QUERY_INVALID: {
    message: 'The search cannot be run: {reason}.',
    hint: 'Correct the query; docs/search.md lists filters, bounds and fields.',
    status: 400,
  },
  SEARCH_INDEX_UNAVAILABLE: {
    message: 'The search index cannot be used: {reason}.',
    hint: 'Check that Elasticsearch runs, is reached and has room; of the embedded index, that its files are readable and writable and the disk is neither full nor broken. Nothing is lost: ingest goes on from the event log when the index is back.',
    status: 503,
  },
  SEARCH_INDEX_VERSION: {
    message: 'The search index was written by a newer version (layout {found}, this program knows {known}).',
    hint: 'Start the newer version, or delete the index folder: it is filled again from the event log as far as that reaches back.',
    status: 500,
  },
  SEARCH_INDEX_FORBIDDEN: {
    message: 'The search index refuses our credential: {reason}.',
    hint: 'Check the API key or the user and its role; docs/elasticsearch.md has the role that is needed. Nothing is lost: ingest tries again.',
    status: 503,
  },
  SEARCH_INDEX_CREDENTIAL: {
    message: 'The credential for the search index cannot be used: {reason}.',
    hint: 'Give searchIndex.elasticsearch either apiKey, or username and password; over http:// to other machines neither is sent.',
    status: 500,
  },
} as const satisfies ErrorDefinitions;

export const searchIndexError = defineErrors(definitions);
