/** Roles, privileges, and what lets others in or data out. */
import { add, secretStatement, type Context } from '../context.ts';
import type { Handlers } from '../handlers.ts';
import { unsettling } from './renames.ts';
import {
  bodyOf,
  flagOf,
  listOf,
  nameParts,
  nodeOf,
  optionOn,
  options,
  roleName,
  textOf,
  type TreeNode,
} from '../tree.ts';

const POWERS = ['superuser', 'createrole', 'bypassrls', 'isreplication'];

function changeRole(context: Context, name: string, list: readonly TreeNode[]): void {
  const found = options(list);
  if (found.has('password')) secretStatement(context);
  const critical = POWERS.some((power) => optionOn(found, power));
  add(context, critical ? 'role_change.critical' : 'role_change', 'role', name);
}

function ownersOf(node: TreeNode): string {
  return listOf(node, 'roles').flatMap(nameParts).join(', ');
}

function kindOf(node: TreeNode, field: string): string {
  return (textOf(node, field) ?? '').replace('OBJECT_', '').toLowerCase();
}

function grant(context: Context, node: TreeNode): void {
  const action = flagOf(node, 'is_grant') ? 'grant' : 'revoke';
  const kind = kindOf(node, 'objtype');
  const target = textOf(node, 'targtype');
  const columns = listOf(node, 'privileges').flatMap((item) =>
    listOf(bodyOf(item, 'AccessPriv'), 'cols').flatMap((column) => nameParts(column)),
  );
  const objects = listOf(node, 'objects');
  if (objects.length === 0) add(context, action, kind, null);
  for (const item of objects) {
    const range = bodyOf(item, 'RangeVar');
    const parts = nameParts(item);
    if (range !== undefined) {
      const name = context.resolver.relation(
        textOf(range, 'schemaname'),
        textOf(range, 'relname') ?? '',
        context.settings,
      );
      add(context, action, kind, name, { columns });
    } else if (target === 'ACL_TARGET_ALL_IN_SCHEMA') {
      add(context, action, kind, `${parts.join('.')}.*`, { whole: true });
    } else {
      const qualified = ['function', 'procedure', 'routine', 'type', 'domain'].includes(kind);
      add(
        context,
        action,
        kind,
        qualified ? context.resolver.other(parts, context.settings) : parts.join('.'),
      );
    }
  }
}

function access(kind: string, field: string, action: 'create.access' | 'alter.high' = 'create.access') {
  return (context: Context, node: TreeNode): void => {
    // Options hold passwords, connection strings hold them too; which ones is the foreign-data wrapper's own business.
    if (listOf(node, 'options').length > 0 || node['conninfo'] !== undefined) secretStatement(context);
    add(context, action, kind, textOf(node, field));
  };
}

export const roles: Handlers = {
  CreateRoleStmt: (context, node) => changeRole(context, textOf(node, 'role') ?? '', listOf(node, 'options')),
  AlterRoleStmt: (context, node) =>
    changeRole(context, roleName(nodeOf(node, 'role')), listOf(node, 'options')),
  DropRoleStmt(context, node) {
    for (const role of listOf(node, 'roles'))
      add(context, 'drop.critical', 'role', nameParts(role).join('.'));
  },
  // Whoever may look into a schema finds other things by a path.
  GrantStmt: unsettling(grant),
  GrantRoleStmt(context, node) {
    const action = flagOf(node, 'is_grant') ? 'grant' : 'revoke';
    for (const role of listOf(node, 'granted_roles')) {
      add(context, action, 'role', textOf(bodyOf(role, 'AccessPriv'), 'priv_name'));
    }
  },
  AlterDefaultPrivilegesStmt: (context, node) => grant(context, nodeOf(node, 'action') ?? {}),
  ReassignOwnedStmt: (context, node) => add(context, 'alter.high', 'owned', ownersOf(node)),
  DropOwnedStmt: (context, node) => add(context, 'drop.critical', 'owned', ownersOf(node)),
  CreatePolicyStmt(context, node, walk) {
    add(context, 'alter.high', 'policy', textOf(node, 'policy_name'));
    walk(node['qual']);
    walk(node['with_check']);
  },
  AlterPolicyStmt(context, node, walk) {
    add(context, 'alter.high', 'policy', textOf(node, 'policy_name'));
    walk(node['qual']);
    walk(node['with_check']);
  },
  SecLabelStmt: (context, node) =>
    add(context, 'alter.high', 'security_label', nameParts(node['object']).join('.')),
  CreateFdwStmt: access('foreign_data_wrapper', 'fdwname'),
  AlterFdwStmt: access('foreign_data_wrapper', 'fdwname', 'alter.high'),
  CreateForeignServerStmt: access('server', 'servername'),
  AlterForeignServerStmt: access('server', 'servername', 'alter.high'),
  CreateUserMappingStmt: access('user_mapping', 'servername'),
  AlterUserMappingStmt: access('user_mapping', 'servername', 'alter.high'),
  DropUserMappingStmt: (context, node) => add(context, 'drop', 'user_mapping', textOf(node, 'servername')),
  CreateSubscriptionStmt: access('subscription', 'subname'),
  AlterSubscriptionStmt: access('subscription', 'subname', 'alter.high'),
  DropSubscriptionStmt: (context, node) => add(context, 'drop', 'subscription', textOf(node, 'subname')),
  CreatePublicationStmt: access('publication', 'pubname'),
  AlterPublicationStmt: access('publication', 'pubname', 'alter.high'),
  ImportForeignSchemaStmt: access('schema', 'local_schema'),
};
