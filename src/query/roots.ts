/** What is known of tables, by their columns: found by following their names and types, one after the other. */
import type { Columns } from "../../fusion/query.js";
import type { ColumnType } from "../../fusion/types.js";

export class ByColumns<Known> {
  known: Known | undefined = undefined;
  private readonly next = new Map<string, Map<ColumnType, ByColumns<Known>>>();

  /** The place of tables with these columns, in this order. */
  at(columns: Columns): ByColumns<Known> {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the path begins here
    let place: ByColumns<Known> = this;
    for (const [name, type] of columns) place = place.behind(name, type);
    return place;
  }

  private behind(name: string, type: ColumnType): ByColumns<Known> {
    let types = this.next.get(name);
    if (types === undefined) this.next.set(name, (types = new Map<ColumnType, ByColumns<Known>>()));
    let place = types.get(type);
    if (place === undefined) types.set(type, (place = new ByColumns()));
    return place;
  }
}
