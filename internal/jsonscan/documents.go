package jsonscan

import (
	"sluice/internal/rejection"
	"sluice/reason"
)

// After an array of records comes the rest of its document, and maybe another
// document.

// close reads on after an array of records, and enters another one that
// follows: pages of an API written one after another.
func (r *Records) close() (more bool, err error) {
	w := r.w
	r.none = false
	if r.form == wrapped {
		if err := r.rest(); err != nil {
			return false, err
		}
	}
	p := r.places[r.Place]
	for {
		more, err = w.SkipSpace()
		switch {
		case err != nil || !more:
			return false, err
		case r.form == array || w.Buf[w.Pos] != '{':
			return false, r.reject(reason.TrailingData, w.Pos, "other data follows the end of the document")
		}
		r.misfit = false
		at, found, err := r.locate(p)
		switch {
		case err != nil:
			return false, err
		case found:
			r.enter(p, at)
			r.count = 0
			return true, nil
		case !r.MayLack || r.misfit:
			return false, r.reject(reason.NotRecords, w.Pos, "the first document has its records under a member that a later one lacks")
		}
		if err := r.pass(); err != nil {
			return false, err
		}
	}
}

// pass skips the document at the window's position.
func (r *Records) pass() error {
	start, entry := r.w.Offset(r.w.Pos), false
	v := Validator{MaxDepth: r.limits.Depth}
	v.Name = func(depth int, raw []byte) { entry = entry || depth == 1 && SameName(raw, Entry) }
	err := r.stream(&v, func([]byte) error { return nil })
	if entry {
		return &rejection.Error{Code: reason.BadQuarantineFile, Offset: start, Detail: StrayEntry}
	}
	return err
}

// rest reads the members that follow the array of records, to the end of the
// outermost object.
func (r *Records) rest() error {
	names := r.places[r.Place].Names
	open := len(names) // objects around the records that are still open
	twice := false
	v := Validator{MaxDepth: r.limits.Depth}
	v.Inside(len(names))
	v.Name = func(depth int, raw []byte) {
		if depth <= open {
			open = depth
			twice = twice || SameName(raw, names[depth-1])
		}
	}
	emit := func(b []byte) error {
		if r.Around != nil {
			r.Around(b, false)
		}
		return nil
	}
	if err := r.stream(&v, emit); err != nil {
		return err
	}
	if r.Around != nil {
		r.Around(nil, true)
	}
	if twice {
		return r.reject(reason.DuplicateKey, r.w.Pos, "the member that holds the records stands twice in one object")
	}
	return nil
}
