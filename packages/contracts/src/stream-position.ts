import { z } from "zod";
import { maxChangeNumber, maxNumber } from "./chat.ts";

/**
 * A position in a stream, which is the id of a reader's last event: a message's number, optionally followed by a change
 * number and a numbering.
 */
export const streamPositionSchema = z
  .string()
  .regex(
    /^(0|[1-9][0-9]{0,9})(-(0|[1-9][0-9]{0,15}))?(\.(0|[1-9][0-9]{0,9}))?$/,
    "must be a message's number, or the id of an event",
  )
  .refine((id) => {
    const [before = "", numbering = "0"] = id.split(".");
    const [number, change = "0"] = before.split("-");
    return Number(number) <= maxNumber && Number(change) <= maxChangeNumber && Number(numbering) <= maxNumber;
  }, `must have numbers of at most ${maxNumber}, and a change number of at most ${maxChangeNumber}`);
