/** MCP clients: a server entry for the Streamable HTTP transport, as most clients read it (`mcpServers`). */
import { join } from 'node:path';
import type { Plan } from './plan.ts';
import type { ConnectWish } from './wish.ts';

export function planMcp({ connection, token, home }: ConnectWish): Plan {
  const { name, listener } = connection;
  const path = join(home, 'connect', `${name}.mcp.json`);
  const config = {
    mcpServers: {
      [name]: {
        type: 'http',
        url: `${listener.tls ? 'https' : 'http'}://${listener.host}:${listener.port}/${name}`,
        headers: { Authorization: `Bearer ${token}` },
      },
    },
  };
  return {
    files: [{ path, content: `${JSON.stringify(config, null, 2)}\n` }],
    blocks: [],
    note: `give your MCP client ${path} (clients that take it: --mcp-config ${path})`,
  };
}
