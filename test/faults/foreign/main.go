// A second opinion on recorded runs, by Porcupine (https://github.com/anishathalye/porcupine), a linearizability
// checker
// that knows nothing about Confab. Each chat is an append-only log: a send appends at the acknowledged number, and a
// list
// or a get reads a part of the log. The state after the run is one more read, of the whole log.
//
// go run . <folder of a run>...   prints one JSON line per folder: {"folder", "linearizable", "operations", "why"}
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A line of history.jsonl or final-state.jsonl, with the fields that matter here.
type line struct {
	Type, Op, App, Uid, Hash, Outcome string
	Chat, Number, After, Version      int
	T0, T1                            int64
	Descending, More, Loses           bool
	Items                             [][]any
	Doomed                            *struct {
		App  string
		Chat int
	}
	Expectations struct {
		Loses, StaleReads bool
		RecoverWithinMs   int64
	}
}

// An operation on a chat's log: append the entry at a position in the order of numbers, or read entries.
type input struct {
	append   bool
	position int
	// For a read: numbers from `after` (exclusive) to `upTo` (inclusive), and the uids that were shown.
	after, upTo int
	uids        []string
}

type entry struct {
	number    int
	uid, hash string
}

type verdict struct {
	Folder       string `json:"folder"`
	Linearizable bool   `json:"linearizable"`
	Operations   int    `json:"operations"`
	Why          string `json:"why,omitempty"`
}

func main() {
	for _, folder := range os.Args[1:] {
		result, err := judge(folder)
		if err != nil {
			fmt.Fprintln(os.Stderr, folder, err)
			os.Exit(2)
		}
		text, _ := json.Marshal(result)
		fmt.Println(string(text))
	}
}

func judge(folder string) (verdict, error) {
	history, err := read(filepath.Join(folder, "history.jsonl"))
	if err != nil {
		return verdict{}, err
	}
	final, err := read(filepath.Join(folder, "final-state.jsonl"))
	if err != nil {
		return verdict{}, err
	}
	result := verdict{Folder: folder, Linearizable: true}
	for chat, lines := range byChat(history, final) {
		operations, model, why := lines.operations()
		result.Operations += len(operations)
		if why == "" && len(operations) > 0 {
			switch porcupine.CheckOperationsTimeout(model, operations, time.Minute) {
			case porcupine.Illegal:
				why = "no order of its operations explains what was read"
			case porcupine.Unknown:
				why = "not decided within a minute"
			}
		}
		if why != "" && result.Linearizable {
			result.Linearizable = false
			result.Why = chat + ": " + why
		}
	}
	return result, nil
}

type chat struct {
	run      line
	windows  []line
	lastLoss int64
	requests []line
	rows     []line
	end      int64
}

func byChat(history, final []line) map[string]*chat {
	var run line
	var windows []line
	var end int64
	for _, each := range history {
		switch each.Type {
		case "run":
			run = each
		case "window":
			windows = append(windows, each)
		}
		end = max(end, each.T1)
	}
	lastLoss := int64(-1)
	for _, window := range windows {
		if run.Expectations.Loses && window.Loses {
			lastLoss = max(lastLoss, window.T1)
		}
	}
	chats := map[string]*chat{}
	of := func(each line) *chat {
		key := fmt.Sprintf("%s.%d", each.App, each.Chat)
		if chats[key] == nil {
			chats[key] = &chat{run: run, windows: windows, lastLoss: lastLoss, end: end}
		}
		return chats[key]
	}
	for _, each := range history {
		if each.Type == "op" && (each.Op == "send" || each.Op == "list" || each.Op == "get") {
			mine := of(each)
			mine.requests = append(mine.requests, each)
		}
	}
	for _, each := range final {
		if each.Type == "row" || each.Type == "dead-letter" {
			// The chat of this dead letter was deleted, but its uid names the chat to which it was sent.
			if each.App == "?" {
				fmt.Sscanf(strings.ReplaceAll(each.Uid, ".", " "), "%s %d", &each.App, &each.Chat)
			}
			mine := of(each)
			mine.rows = append(mine.rows, each)
		}
	}
	// The fault suite deletes this chat. Its log ends before the run does.
	if run.Doomed != nil {
		delete(chats, fmt.Sprintf("%s.%d", run.Doomed.App, run.Doomed.Chat))
	}
	return chats
}

// Returns the uid of the message that was acknowledged under a number, for messages that were edited or deleted since. Several
// have it only if Redis lost data: then the last one that is not stored under another number.
func (c *chat) owners() map[int]string {
	stored := map[string]bool{}
	for _, row := range c.rows {
		stored[row.Uid] = true
	}
	known := map[int]int64{}
	owners := map[int]string{}
	for _, each := range c.requests {
		if each.Op == "send" && each.Outcome == "ok" && !stored[each.Uid] && each.T1 > known[each.Number] {
			known[each.Number], owners[each.Number] = each.T1, each.Uid
		}
	}
	return owners
}

// Returns the chat's operations for Porcupine. If why is set, the chat is wrong in any order.
func (c *chat) operations() (operations []porcupine.Operation, model porcupine.Model, why string) {
	stored := map[string]int{}
	hashes := map[string]string{}
	dead := map[string]bool{}
	owners := c.owners()
	changed := map[string]bool{}
	for _, row := range c.rows {
		// An edited row has the uid of its first version.
		if row.Uid == "" {
			row.Uid = owners[row.Number]
		}
		changed[row.Uid] = row.Version > 1
		if before, twice := stored[row.Uid]; twice && c.lastLoss < 0 {
			return nil, model, fmt.Sprintf("%s is stored as %d and as %d", row.Uid, before, row.Number)
		}
		stored[row.Uid] = row.Number
		hashes[row.Uid] = row.Hash
		dead[row.Uid] = row.Type == "dead-letter"
	}
	// All attempts of a message are one append, from the start of the first to the first acknowledgement.
	type sent struct {
		began, known int64
		number       int
		hash         string
	}
	messages := map[string]*sent{}
	for _, each := range c.requests {
		if each.Op != "send" {
			continue
		}
		message := messages[each.Uid]
		if message == nil {
			message = &sent{began: each.T0, known: math.MaxInt64}
			messages[each.Uid] = message
		}
		message.began = min(message.began, each.T0)
		message.hash = each.Hash
		if each.Outcome == "ok" && each.T1 < message.known {
			message.known, message.number = each.T1, each.Number
		}
	}
	// Two kinds of messages are not judged. Messages from before Redis lost data: their numbers may be assigned again.
	// Renumbered messages: an older message had taken their number, so they were moved to the end of the chat.
	judged := func(uid string) bool {
		message := messages[uid]
		if message == nil || message.began <= c.lastLoss {
			return false
		}
		number, kept := stored[uid]
		return c.lastLoss < 0 || !kept || message.number == 0 || number <= message.number
	}
	var log []entry
	for uid, message := range messages {
		if hash, kept := hashes[uid]; kept && hash != message.hash && !changed[uid] {
			return nil, model, fmt.Sprintf("%s is stored with another body", uid)
		}
		if !judged(uid) {
			continue
		}
		number, kept := stored[uid]
		if message.known < math.MaxInt64 {
			if kept && number != message.number {
				return nil, model, fmt.Sprintf("%s was acknowledged as %d and is stored as %d", uid, message.number, number)
			}
			number = message.number
		} else if !kept {
			continue
		}
		log = append(log, entry{number, uid, message.hash})
	}
	sort.Slice(log, func(i, j int) bool { return log[i].number < log[j].number })
	for at, each := range log {
		if at > 0 && log[at-1].number == each.number {
			return nil, model, fmt.Sprintf("%s and %s have the number %d", log[at-1].uid, each.uid, each.number)
		}
		message := messages[each.uid]
		operations = append(operations, porcupine.Operation{
			ClientId: len(operations), Input: input{append: true, position: at},
			Call: message.began, Return: message.known,
		})
	}
	add := func(call, end int64, after, upTo int, items []entry) {
		seen := input{after: after, upTo: upTo}
		for _, item := range items {
			if judged(item.uid) {
				if messages[item.uid].hash != item.hash && !changed[item.uid] {
					why = fmt.Sprintf("%s was read with another body", item.uid)
				}
				seen.uids = append(seen.uids, item.uid)
			} else if messages[item.uid] == nil && !dead[item.uid] {
				// A damaged message becomes a dead letter with a text that nobody sent.
				why = fmt.Sprintf("%s was read and never sent", item.uid)
			}
		}
		operations = append(operations, porcupine.Operation{ClientId: len(operations), Input: seen, Call: call, Return: end})
	}
	for _, each := range c.requests {
		if each.Op == "send" || each.Outcome != "ok" || each.T0 <= c.lastLoss {
			continue
		}
		var items []entry
		for _, item := range each.Items {
			read := entry{int(item[0].(float64)), item[1].(string), item[2].(string)}
			if read.uid == "" {
				read.uid = owners[read.number]
			}
			items = append(items, read)
		}
		sort.Slice(items, func(i, j int) bool { return items[i].number < items[j].number })
		after, upTo := each.After, math.MaxInt
		switch {
		case each.Op == "get":
			if !judged(each.Uid) {
				continue
			}
			after, upTo = each.Number-1, each.Number
		case each.Descending && each.More:
			after = items[0].number - 1
		case !each.Descending && each.More:
			upTo = items[len(items)-1].number
		}
		// If the documentation allows reads of stored messages only, a read may end early, but has no hole.
		if c.run.Expectations.StaleReads && c.disturbed(each) {
			if len(items) == 0 {
				continue
			}
			upTo = min(upTo, items[len(items)-1].number)
		}
		add(each.T0, each.T1, after, upTo, items)
	}
	var whole []entry
	for uid, number := range stored {
		whole = append(whole, entry{number, uid, hashes[uid]})
	}
	sort.Slice(whole, func(i, j int) bool { return whole[i].number < whole[j].number })
	add(c.end+1, c.end+2, 0, math.MaxInt, whole)
	model = porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, in, _ any) (bool, any) {
			length, what := state.(int), in.(input)
			if what.append {
				return what.position == length, length + 1
			}
			return shows(log[:length], what, dead), length
		},
	}
	return operations, model, why
}

func shows(log []entry, read input, dead map[string]bool) bool {
	from := sort.Search(len(log), func(at int) bool { return log[at].number > read.after })
	at := 0
	for ; from < len(log) && log[from].number <= read.upTo; from++ {
		// A dead letter is shown only while it is pending.
		if at < len(read.uids) && read.uids[at] == log[from].uid {
			at++
		} else if !dead[log[from].uid] {
			return false
		}
	}
	return at == len(read.uids)
}

func (c *chat) disturbed(each line) bool {
	grace := c.run.Expectations.RecoverWithinMs * 1_000_000
	for _, window := range c.windows {
		if each.T0 <= window.T1+grace && each.T1 >= window.T0 {
			return true
		}
	}
	return false
}

func read(file string) ([]line, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	var lines []line
	scanner := bufio.NewScanner(opened)
	scanner.Buffer(make([]byte, 1<<20), 1<<26)
	for scanner.Scan() {
		var each line
		if err := json.Unmarshal(scanner.Bytes(), &each); err != nil {
			return nil, err
		}
		lines = append(lines, each)
	}
	return lines, scanner.Err()
}
