/** A tool of the mouse, and the box that lets one of them be in hand. */

import DoubleClickZoom from "ol/interaction/DoubleClickZoom";
import type OlMap from "ol/Map";

export interface Tool {
  id: string;
  title: string;
  /** As in KeyboardEvent.key. */
  key: string;
  /** One line on how it is used. */
  hint: string;
  /** Does it change outlines (and so needs some that may be edited)? */
  edits: boolean;
  start(): void;
  stop(): void;
  /** Escape: drop what is half drawn; false when there was nothing. */
  cancel?(): boolean;
  /** Enter: finish what is drawn. */
  finish?(): void;
  /** Backspace: take back the last point; Delete: delete what the tool points at. False when there was nothing. */
  back?(): boolean;
  remove?(): boolean;
  /** Make it larger (+1) or smaller (-1). */
  resize?(by: 1 | -1): void;
}

export class ToolBox {
  private readonly tools = new Map<string, Tool>();
  private readonly listeners: (() => void)[] = [];
  private inHand: Tool | null = null;

  constructor(private readonly map: OlMap) {}

  add(...tools: Tool[]): void {
    for (const tool of tools) this.tools.set(tool.id, tool);
  }

  get all(): Tool[] {
    return [...this.tools.values()];
  }

  get active(): Tool | null {
    return this.inHand;
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  take(id: string): void {
    const tool = this.tools.get(id);
    if (!tool || tool === this.inHand) return;
    this.inHand?.stop();
    this.inHand = tool;
    tool.start();
    // A double click ends a drawing; it must not zoom as well.
    this.map.getInteractions().forEach((interaction) => {
      if (interaction instanceof DoubleClickZoom) interaction.setActive(!tool.edits);
    });
    for (const listener of this.listeners) listener();
  }
}
