import type { World } from "../world.ts";

export interface Settings {
  readonly rounds: number;
  /** The duration of a measurement. */
  readonly seconds: number;
  /** Whether rows may measure less, to see whether they work. */
  readonly isQuick: boolean;
}

/** The outcome of one measurement. */
export interface Measured {
  /** By name, with the unit; null where the system does not report it. */
  readonly figures: Readonly<Record<string, number | null>>;
  /** Why the measurement is void; empty if it is verified. */
  readonly faults: readonly string[];
}

/** One of the things that a row compares. */
export interface Side {
  readonly name: string;
  measure(world: World, settings: Settings): Promise<Measured>;
}

/** A target for a figure of a row. */
export interface Goal {
  readonly title: string;
  readonly figure: string;
  /** The side whose figure it is. */
  readonly of: string;
  /** The side that it is divided by; without it, the figure itself is judged. */
  readonly against?: string;
  readonly better: "higher" | "lower";
  readonly pass: number;
  readonly aim: number;
}

/** A comparison. Its sides are measured in turn. */
export interface Row {
  readonly name: string;
  readonly title: string;
  sides(world: World): readonly Side[];
  readonly goals: readonly Goal[];
}
