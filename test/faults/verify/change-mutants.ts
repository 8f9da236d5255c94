import {
  change,
  end,
  inFinal,
  inHistory,
  isEdit,
  isOp,
  isRow,
  keyOf,
  listMutants,
  none,
  replaceInFinal,
  replaceInHistory,
  replaceOne,
  template,
  type Mutant,
} from "./mutate.ts";
import { chatKey } from "./model.ts";
import type {
  ChangeLine,
  ChatLine,
  FinalLine,
  HistoryLine,
  MessageLine,
  Operation,
  VersionLine,
} from "../history/lines.ts";
import type { Run } from "./sound-run.ts";

const isRemoval = (line: HistoryLine): line is Operation => isOp(line, "remove") && line.outcome === "ok";
const isDeleted = (line: FinalLine): line is MessageLine => isRow(line) && line.deleted === true;
const isVersion = (line: FinalLine): line is VersionLine => line.type === "version";
const isChange = (line: FinalLine): line is ChangeLine => line.type === "change";

/** Returns a predicate for rows whose text is from an acknowledged edit. */
const editedRow = ({ history }: Run) => {
  const latest = new Set(history.filter(isEdit).map((edit) => `${keyOf(edit)} ${edit.hash!}`));
  return (line: FinalLine): line is MessageLine => isRow(line) && latest.has(`${keyOf(line)} ${line.hash}`);
};

/** Adds a read that shows an item to the end of the history. */
const shownAtEnd = (history: readonly HistoryLine[], op: "get" | "search", of: Operation, item: Operation["items"]) => [
  ...history,
  {
    ...template(history, op),
    app: of.app,
    chat: of.chat,
    uid: of.uid!,
    number: of.number!,
    items: item!,
    t0: end(history) + 1e6,
    t1: end(history) + 2e6,
  },
];

const editMutants: readonly Mutant[] = listMutants({
  I17: {
    "the row of an edited message has another text": inFinal((final, run) =>
      replaceOne(final, editedRow(run), change({ hash: "0".repeat(16) })),
    ),
    "an edit is undone": inFinal((final, run) => {
      const isEdited = editedRow(run);
      return replaceOne(
        final,
        (line): line is MessageLine => isEdited(line) && line.version === 2,
        (row) => [{ ...row, version: 1 }],
      );
    }),
    "an earlier version is missing": replaceInFinal(isVersion, none),
    "an edit is applied twice": ({ history, final }) => {
      const isEdited = editedRow({ history, final });
      const row = final.find(isEdited)!;
      const twice = { ...row, version: row.version! + 1 };
      const earlier: VersionLine = { ...row, type: "version", version: row.version! };
      return { history, final: [...final.map((line) => (line === row ? twice : line)), earlier] };
    },
    "a refused edit is applied": inHistory((history, run) => {
      const applied = new Set(run.final.filter(editedRow(run)).map(({ hash }) => hash));
      return replaceOne(
        history,
        (line): line is Operation => isEdit(line) && applied.has(line.hash!),
        change({ outcome: "fail" as const, status: 503 }),
      );
    }),
  },
});

const deletionMutants: readonly Mutant[] = listMutants({
  I18: {
    "a deleted message has its text again": inFinal((final, { history }) => {
      const removed = new Map(history.filter(isRemoval).map((line) => [keyOf(line), line.uid!]));
      return replaceOne(
        final,
        (line): line is MessageLine => isDeleted(line) && removed.has(keyOf(line)),
        (row) => [{ ...row, deleted: false, uid: removed.get(keyOf(row))!, hash: "1".repeat(16) }],
      );
    }),
    "the row of a deleted message keeps its text": replaceInFinal(isDeleted, change({ hash: "1".repeat(16) })),
    "an earlier version of a deleted message is kept": replaceInFinal(isDeleted, (row) => [
      row,
      { ...row, type: "version" as const, version: 1, uid: "?" },
    ]),
    "the index has the text of a deleted message": inFinal((final, { history }) => {
      const removal = history.find(isRemoval)!;
      const { app, chat, number, uid } = removal;
      return [...final, { type: "document", app, chat, number: number!, uid: uid!, hash: "1".repeat(16) }];
    }),
    "a message is deleted that nobody deleted": inHistory((history, { final }) => {
      const deleted = new Set(final.filter(isDeleted).map(keyOf));
      const key = keyOf(history.find((line): line is Operation => isRemoval(line) && deleted.has(keyOf(line)))!);
      return history.filter((line) => !(isOp(line, "remove") && keyOf(line) === key));
    }),
  },
});

const numberMutants: readonly Mutant[] = listMutants({
  I19: {
    "a change number is skipped": replaceInFinal(
      (line): line is ChatLine => line.type === "chat" && line.lastChange > 0,
      (chat) => [{ ...chat, lastChange: chat.lastChange + 1 }],
    ),
    "a change is not recorded": replaceInFinal(isChange, none),
    "two edits are acknowledged with one change number": inHistory((history) => {
      const edits = Map.groupBy(history.filter(isEdit), chatKey);
      const [first, second] = [...edits.values()].find(({ length }) => length > 1)!;
      return history.map((line) => (line === second ? { ...second, change: first!.change! } : line));
    }),
  },
});

const readMutants: readonly Mutant[] = listMutants({
  I20: {
    "a get shows a message as it was before an acknowledged edit": inHistory((history) => {
      const edit = history.find(isEdit)!;
      return shownAtEnd(history, "get", edit, [[edit.number!, edit.uid!, "2".repeat(16), 1]]);
    }),
    "a search finds a deleted text": inHistory((history) => {
      const removal = history.find(isRemoval)!;
      return shownAtEnd(history, "search", removal, [[removal.number!, removal.uid!, "2".repeat(16), 1]]);
    }),
    "a get shows a text that nobody wrote": replaceInHistory(
      (line): line is Operation => isOp(line, "get") && line.items?.[0] !== undefined && line.items[0][1] !== "",
      (get) => [{ ...get, items: get.items!.map(([number, uid]) => [number, uid, "3".repeat(16), 1] as const) }],
    ),
    "an edit of an acknowledged message is answered with 404": replaceInHistory(
      isEdit,
      change({ outcome: "fail" as const, status: 404 }),
    ),
  },
});

/** Mutants with errors in edits and deletions. */
export const changeMutants: readonly Mutant[] = [...editMutants, ...deletionMutants, ...numberMutants, ...readMutants];
