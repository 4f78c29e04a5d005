/** Whether a document can have a field: a typo in a filter must be an error, not silence. */
const ECS_GROUPS =
  /^(event|user|source|destination|related|rule|threat|ecs|error|observer|user_agent|network|orchestrator)\.[a-z_.]+$/;

export const isDocumentField = (field: string): boolean =>
  ['@timestamp', 'message', 'tags'].includes(field) ||
  ECS_GROUPS.test(field) ||
  /^countersign\.[a-z_.]+$/.test(field);
