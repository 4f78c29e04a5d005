/*
 * Included before everything else when ssh2's native part is built (main/launch.mjs).
 *
 * node::ObjectWrap of Node 24 removes a cleanup hook in its destructor. V8 may destroy such an object from a task of its own, where no
 * context is entered: RemoveEnvironmentCleanupHook then finds no environment and aborts the process ("Assertion failed: (env) !=
 * nullptr", src/api/hooks.cc). The hooks only free what the end of the process frees anyway, so they are left out.
 */
#include <node.h>
#define AddEnvironmentCleanupHook(...) ((void)0)
#define RemoveEnvironmentCleanupHook(...) ((void)0)
