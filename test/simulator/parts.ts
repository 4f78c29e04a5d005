/** Where the simulator's own tests put broken parts, to see that the invariants notice. */
import type { ControlView } from '../../gateway/control/control-view.ts';
import type { ControlWriter } from '../../gateway/control/control-writer.ts';
import type { Spool } from '../../gateway/recording/spool.ts';

export interface Parts {
  spool(spool: Spool): Spool;
  view(view: ControlView): ControlView;
  control(writer: ControlWriter): ControlWriter;
}

export const soundParts: Parts = {
  spool: (spool) => spool,
  view: (view) => view,
  control: (writer) => writer,
};
