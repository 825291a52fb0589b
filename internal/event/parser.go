package event

import (
	"bytes"
	"encoding/json"
	"errors"
)

// parser collects the records of one event.
type parser struct {
	allow   Allow
	event   Event
	message string // id of the SQS message being read
}

// carrier is what a document came in. Each carrier allows fewer shapes inside.
type carrier int

const (
	top carrier = iota
	inSQS
	inSNS
)

// document reads JSON of any shape that the carrier allows.
func (p *parser) document(b []byte, in carrier) error {
	if !json.Valid(b) {
		var syntax *json.SyntaxError
		if err := json.Unmarshal(b, &json.RawMessage{}); errors.As(err, &syntax) {
			return fault(BadJSON, "not JSON from byte %d on", syntax.Offset)
		}
		return fault(BadJSON, "not JSON")
	}
	b = bytes.TrimSpace(b)
	if b[0] == '[' {
		return p.itemList(b, in)
	}
	shapes := []struct {
		member string // that makes the shape
		within carrier
		parse  func(object, carrier) error
	}{
		{"Records", inSNS, p.records},
		{"Event", inSNS, p.testEvent},
		{"detail-type", inSNS, p.eventBridge},
		{"Message", inSQS, p.sns},
		{"tasks", top, p.batch},
		{"Items", top, p.mapItems},
	}
	names := append([]string{
		"Type", "version", "source", "detail", "BatchInput", "invocationSchemaVersion", "invocationId",
	}, itemMembers...)
	for _, s := range shapes {
		names = append(names, s.member)
	}
	o, err := members(b, names...)
	if err != nil {
		return err
	}
	// A key beside the members of another shape does not make an item: MinIO adds
	// a key to its notifications.
	parse := p.item
	found := 0
	for _, s := range shapes {
		if o.has(s.member) && in <= s.within {
			parse = s.parse
			found++
		}
	}
	if found > 1 || found == 0 && !o.has("key") {
		return fault(UnknownShape, "the event has no shape that sluice knows, or has several")
	}
	return parse(o, in)
}

// kind records the shape of the outermost document.
func (p *parser) kind(k Kind, in carrier) {
	if in == top {
		p.event.Kind = k
	}
}

// add appends a record.
func (p *parser) add(r Record) error {
	if len(p.event.Records) >= MaxRecords {
		return fault(TooManyRecords, "more than %d records", MaxRecords)
	}
	r.MessageID = p.message
	p.event.Records = append(p.event.Records, r)
	return nil
}

// fail appends an error as a record of its own.
func (p *parser) fail(o Object, task string, err error) error {
	var e *ParseError
	if !errors.As(err, &e) || e.Reason == TooManyRecords {
		return err
	}
	return p.add(Record{Object: o, TaskID: task, Action: Error, Reason: e.Reason, Detail: e.Detail})
}

// look appends what to do about the object of an event of type t (no reason: a
// creation), or the fault of its name.
func (p *parser) look(o Object, task string, t Reason, err error) error {
	switch {
	case t != "" && (t != Removed || !p.allow.Deletes):
		return p.add(Record{Object: o, TaskID: task, Action: Skip, Reason: t})
	case err != nil:
		return p.fail(o, task, err)
	}
	r := p.allow.Check(o)
	r.TaskID = task
	return p.add(r)
}

// list reads the elements of an array, each on its own. If parse recognises none
// of them, the array is of another kind, and that is an error.
func (p *parser) list(array []byte, parse func([]byte) (known bool, err error)) error {
	start, known := len(p.event.Records), false
	var first error
	for b := range elements(array) {
		k, err := parse(b)
		known = known || k
		if err == nil {
			continue
		}
		if first == nil {
			first = err
		}
		if err := p.fail(Object{Size: -1}, "", err); err != nil {
			return err
		}
	}
	if !known && first != nil {
		p.event.Records = p.event.Records[:start]
		return first
	}
	return nil
}
