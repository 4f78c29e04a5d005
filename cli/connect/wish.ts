import type { ConnectAnswer } from '../../schemas/api/connect.ts';

/** What a client is set up with. */
export interface ConnectWish {
  readonly connection: ConnectAnswer;
  /** Token of the gateway for this connection alone. */
  readonly token: string;
  readonly userName: string;
  readonly tokenId: string;
  readonly expiresAt: number;
  /** Folder of ours. */
  readonly home: string;
  /** Home of the user. */
  readonly userHome: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How this program is called again. */
  readonly program: readonly string[];
}

/** Names come from the gateway and go into paths and files of others. */
export const isName = (name: string): boolean => /^[a-z0-9][a-z0-9._-]{0,62}$/.test(name);
