import { chatKey, isRenumbered, lossesOf, mayBeErased, messageKey, type Model } from "./model.ts";
import { reliable } from "./messages.ts";
import type { Item, MessageLine, Operation, VersionLine } from "../history/lines.ts";

/** Judges I17. Each version of a message comes from one edit, and each acknowledged edit has its version. */
export function editsHold(model: Model): string[] {
  const versions = versionsOf(model);
  const wrong: string[] = [];
  for (const row of model.rows) {
    const key = messageKey(row);
    const edits = (model.changesOf.get(key) ?? []).filter(({ op }) => op === "edit");
    if (row.deleted === true) {
      wrong.push(...editsOfDeleted(model, row, edits));
      continue;
    }
    const texts = new Map((versions.get(key) ?? []).map(({ version, hash }) => [version, hash]));
    const latest = row.version ?? 1;
    if (texts.size !== latest - 1 || [...texts.keys()].some((version) => version >= latest))
      wrong.push(`${key} has version ${latest} and the earlier versions ${[...texts.keys()].join(", ")}`);
    texts.set(latest, row.hash);
    for (const edit of edits.filter((each) => each.outcome === "ok" && !isUndone(model, each))) {
      if (texts.get(edit.version!) !== edit.hash)
        wrong.push(
          `${edit.client}'s edit of ${key} was acknowledged as version ${edit.version}, which has another text`,
        );
    }
    const possible = new Set(edits.filter(({ outcome }) => outcome !== "fail").map(({ hash }) => hash));
    const changed = [...texts].filter(([version]) => version > 1);
    for (const [version, hash] of changed)
      if (!possible.has(hash)) wrong.push(`nobody wrote version ${version} of ${key}, or it was refused`);
    if (new Set(changed.map(([, hash]) => hash)).size < changed.length)
      wrong.push(`an edit of ${key} was applied twice`);
  }
  const rows = new Set(model.rows.map(messageKey));
  for (const key of model.changesOf.keys())
    if (!rows.has(key) && keptChanges(model, key).length > 0) wrong.push(`${key} was changed and has no row`);
  return wrong;
}

/**
 * Returns an error if the version of a deleted message does not fit its edits. The texts are deleted, but the version
 * still counts the edits and the deletion.
 */
function editsOfDeleted(model: Model, row: MessageLine, edits: readonly Operation[]): string[] {
  const written = (row.version ?? 1) - 2;
  const least = edits.filter((edit) => edit.outcome === "ok" && !isUndone(model, edit)).length;
  const most = edits.filter(({ outcome }) => outcome !== "fail").length;
  if (written >= least && written <= most) return [];
  return [`${messageKey(row)} was edited ${written} times before its deletion, after ${least} to ${most} edits`];
}

/** Judges I18. */
export function deletionsHold(model: Model): string[] {
  const versions = versionsOf(model);
  const wrong: string[] = [];
  const deleted = new Set<string>();
  for (const row of model.rows) {
    const key = messageKey(row);
    if (row.deleted !== true) {
      if (keptChanges(model, key).some(({ op }) => op === "remove")) wrong.push(`${key} was deleted and is not`);
      continue;
    }
    deleted.add(row.uid);
    const removals = (model.changesOf.get(key) ?? []).filter(
      ({ op, outcome }) => op === "remove" && outcome !== "fail",
    );
    if (removals.length === 0 && !mayBeErased(model, row)) wrong.push(`${key} is deleted, and nobody deleted it`);
    if (row.hash !== "") wrong.push(`the row of ${key}, which is deleted, has a text`);
    if (versions.has(key)) wrong.push(`${key} is deleted and has earlier versions`);
  }
  // After a loss, another message may have been deleted under the number of a lost message.
  if (lossesOf(model).length > 0) return wrong;
  const copies = [
    ...model.rows.filter((row) => row.deleted !== true),
    ...model.versions,
    ...model.documents,
    ...model.listed,
    ...model.deadLetters,
  ];
  for (const { type, uid } of copies)
    if (uid !== "" && deleted.has(uid)) wrong.push(`${uid} is deleted, and a ${type} has its text`);
  return wrong;
}

/**
 * Judges I19. Each change has a different change number, and the chat knows the last one. A message that was stored
 * after Redis had lost it also has a change number, but no new version.
 */
export function changesAreNumbered(model: Model): string[] {
  const rows = Map.groupBy(model.rows, chatKey);
  const changes = Map.groupBy(model.changes, chatKey);
  const edits = Map.groupBy(
    model.operations.filter((each) => each.op === "edit" && each.outcome === "ok" && !isUndone(model, each)),
    chatKey,
  );
  const mayBeLate = lossesOf(model).length > 0;
  return model.chats.flatMap((chat) => {
    const key = chatKey(chat);
    const wrong: string[] = [];
    const edited = (rows.get(key) ?? []).filter(({ version = 1 }) => version > 1);
    const late = mayBeLate ? (rows.get(key) ?? []).filter(({ version = 1, change }) => version === 1 && change) : [];
    const changed = [...edited, ...late];
    const latest = new Map(changed.map(({ change, number }) => [change, number]));
    const recorded = changes.get(key) ?? [];
    if (latest.size < changed.length) wrong.push(`two messages of chat ${key} have the same change number`);
    if (recorded.length !== latest.size || recorded.some(({ change, number }) => latest.get(change) !== number))
      wrong.push(`the changes of chat ${key} are not the latest ones of its messages`);
    const acknowledged = (edits.get(key) ?? []).map(({ change }) => change!);
    if (new Set(acknowledged).size < acknowledged.length)
      wrong.push(`two edits in chat ${key} were acknowledged with the same change number`);
    const last = Math.max(0, ...acknowledged, ...recorded.map(({ change }) => change));
    if (chat.lastChange !== last)
      wrong.push(`chat ${key} has last_change_number ${chat.lastChange}, and its last change is ${last}`);
    return wrong;
  });
}

/** Judges I20. */
export function changesAreReadable(model: Model): string[] {
  return [...staleTexts(model), ...wrongRefusals(model)];
}

function staleTexts(model: Model): string[] {
  return model.operations.flatMap((read) =>
    (read.items ?? []).flatMap((item) => {
      const [number, uid, , version] = item;
      const key = messageKey({ ...read, number });
      const changes = model.changesOf.get(key) ?? [];
      const what = `${read.client}'s ${read.op} of ${key}`;
      if (uid === "") {
        const isPossible = changes.some(({ op, outcome, t0 }) => op === "remove" && outcome !== "fail" && t0 < read.t1);
        return isPossible || mayBeErased(model, { ...read, number }, read.t1)
          ? []
          : [`${what} shows it as deleted, and nobody had deleted it`];
      }
      const before = keptChanges(model, key).filter(({ t1 }) => t1 < read.t0);
      if (before.some(({ op }) => op === "remove")) return [`${what} began after its deletion and shows a text`];
      const newest = Math.max(1, ...before.map((edit) => edit.version ?? 1));
      if (version !== undefined && version < newest)
        return [`${what} shows version ${version}, and version ${newest} had been acknowledged before`];
      return isWritten(model, item, changes) ? [] : [`${what} shows a text that nobody wrote`];
    }),
  );
}

function isWritten(model: Model, [, uid, hash, version = 1]: Item, changes: readonly Operation[]): boolean {
  if (version > 1) return changes.some((edit) => edit.outcome !== "fail" && edit.hash === hash);
  // A damaged message is visible until it is a dead letter.
  const sent = model.sent.get(uid);
  return sent === undefined || sent.hash === hash || model.run.expectations.deadLetters === true;
}

/** Returns the changes that were refused with 404, 410 or 412 although the state of the message did not justify it. */
function wrongRefusals(model: Model): string[] {
  const known = new Map(reliable(model).map((message) => [message.uid, message]));
  return [...model.changesOf].flatMap(([key, changes]) =>
    changes.flatMap((change) => {
      const { client, op, status, t0, t1, uid, ifMatch, app, chat, number = 0 } = change;
      const what = `${client}'s ${op} of ${key} was answered with ${status}`;
      if (status === 404 && (known.get(uid!)?.knownAt ?? Infinity) < t0)
        return [`${what} after the message was acknowledged`];
      if (status === 412 && ifMatch === undefined && !mayHavePassed(model, change))
        return [`${what} without If-Match, and no loss can have given its number to another message`];
      const isErased = mayBeErased(model, { app, chat, number }, t1);
      const isDeleted =
        isErased || changes.some((each) => each.op === "remove" && each.outcome !== "fail" && each.t0 < t1);
      return status === 410 && !isDeleted ? [`${what}, and nobody had deleted it`] : [];
    }),
  );
}

/**
 * Returns whether another message may have taken the number of a change's message before the change was answered. As
 * documented, the change is then refused, and neither message is changed.
 */
function mayHavePassed(model: Model, { uid, t1 }: Operation): boolean {
  const target = model.sent.get(uid!);
  if (target === undefined) return false;
  return isRenumbered(model, target) || lossesOf(model).some((loss) => target.beganAt < loss.t1 && loss.t0 < t1);
}

/** Returns the acknowledged changes of a message that no loss may have undone. */
function keptChanges(model: Model, key: string): Operation[] {
  return (model.changesOf.get(key) ?? []).filter((each) => each.outcome === "ok" && !isUndone(model, each));
}

/** Returns whether MySQL may have lost a change, as documented. Redis cannot lose a change. */
export function isUndone(model: Model, { t0 }: Pick<Operation, "t0">): boolean {
  return model.run.expectations.losesChanges === true && lossesOf(model).some(({ t1 }) => t0 < t1);
}

function versionsOf(model: Model): Map<string, VersionLine[]> {
  return Map.groupBy(model.versions, messageKey);
}
