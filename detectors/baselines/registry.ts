/** All baselines in the order they run. To add one: its file, its test, one line here, its dimension in risk/dimensions.ts. */
import type { Detector } from '../detector.ts';
import { clientToolBaseline } from './client-tool.ts';
import { credentialSourceBaseline } from './credential-source.ts';
import { errorRateBaseline } from './error-rate.ts';
import { groupMembershipBaseline } from './group-membership.ts';
import { hourOfWeekBaseline } from './hour-of-week.ts';
import { identityBaseline } from './identity.ts';
import { objectVolumeBaseline } from './object-volume.ts';
import { objectsBaseline } from './objects.ts';
import { peerGroupsBaseline } from './peer-groups.ts';
import { privilegedActionsBaseline } from './privileged-actions.ts';
import { programsBaseline } from './programs.ts';
import { requestRateBaseline } from './request-rate.ts';
import { rowsAndBytesBaseline } from './rows-and-bytes.ts';
import { sessionConcurrencyBaseline } from './session-concurrency.ts';
import { sourceNetworkBaseline } from './source-network.ts';
import { statementShapesBaseline } from './statement-shapes.ts';
import { temporaryObjectsBaseline } from './temporary-objects.ts';
import { tokenNetworksBaseline } from './token-networks.ts';

export const BASELINES: readonly Detector[] = [
  identityBaseline,
  sourceNetworkBaseline,
  hourOfWeekBaseline,
  clientToolBaseline,
  credentialSourceBaseline,
  groupMembershipBaseline,
  sessionConcurrencyBaseline,
  tokenNetworksBaseline,
  requestRateBaseline,
  statementShapesBaseline,
  programsBaseline,
  objectsBaseline,
  temporaryObjectsBaseline,
  privilegedActionsBaseline,
  peerGroupsBaseline,
  rowsAndBytesBaseline,
  objectVolumeBaseline,
  errorRateBaseline,
] as readonly Detector[];
