// Package flatten turns the text of a record into rows: it holds a mapping
// compiled to a tree of JSON paths and appends what it reads, in one pass over
// the text, to the batches of the tables.
//
// # Words
//
//   - node: a place in a record that the mapping speaks of. Its children are the
//     members of an object, or .* (every) for all of them; [*] (each), [0] and
//     [-1] (index), and the elements that none of these names (others).
//   - leaf: a column that a node feeds. A node may have several.
//   - element: says that a level of a table ends where a node ends: the record
//     is level 0, what is exploded levels 1 and 2. A node has them as ends. The
//     owners of a node are the ends of the record or element around it.
//   - member: a name that a node knows. It is plain if its node has one leaf and
//     nothing else. Then only is that leaf, if the usual value of the column is one
//     that the quick ways take. It is scalar if no path leads into its value.
//   - stranger: a member that the mapping does not name. Its name was learned
//     from the text, so that the next object's is compared and not looked up.
//   - head: stands before the first member of a node, so that a cursor is always
//     after some member.
//   - line: an object that gives rows of one table, such as a product of an order.
//   - memo: the lines of a node that were read, by their first bytes. A known
//     line is one whose text is in the memo; its shape says which members stand
//     in that text, and a bound where each of them ends.
//   - envelope: an object around a value that says its type; value takes the
//     value out of it.
//   - late: a column whose value depends on several places, so that it gets it
//     when its element ends. A spot is one of these places: it notes where its
//     value stands.
//   - choice: a step that goes on from one element of an array, by a filter. An
//     index has the elements of the current array by what they hold.
//   - shares: what a node shares with others that read the same value, as
//     $.a[0] and $.a[*] do.
//   - gathered: members of objects on their way to _rescued, of members that no
//     path names, or to _errors, of values that do not fit.
//   - list: the columns that take an array whole, as a list. A node with one hands
//     each element of the array to its value, a node whose leaves are the values
//     of these columns.
//   - scratch: values that do not stand in the input as they are, such as text
//     with escapes.
//
// # How a record goes through
//
// [New] compiles the mapping (plan.go: compile, finish, share, require).
// [Flattener.Record] reads the record as an element of the top node. value
// looks at the first byte and goes on to an object, an array or a scalar.
//
// An object is read by rest. It goes through the scalar members by plains as
// long as each stands where the object before had it; members takes any other,
// by name, and hands the scalar ones after it to plains again. plains gives a
// column what scalar would give it: quick.go has the usual values; scalar.go,
// decimal.go and times.go have all others. What a column wants done to a text
// before, transform.go and numbertext.go do.
//
// An object whose members are rows is read by every (members.go).
//
// An array goes through its elements; list does so for columns of lists. Where
// they are lines, known takes those that the memo has, and line reads the others
// and keeps them for the next.
//
// end ends an element: it settles the late columns, checks the columns that
// must have a value, counts the rows, and applies when_empty. What a late column
// of a row needs may stand behind the row: lookUp skims the text up to it. A column that got no value is NULL, and nothing
// is written for it.
//
// # How it is undone
//
// The first thing that does not fit is noted by bad, and reading goes on to
// the record's end only to find it. After [Flattener.Diagnose], all of them are
// reported, as if each had on_error: null; see diagnose.go. Record then rolls the batches back to where
// the record began, and the memos forget the lines that have their elements in
// it. Nothing else outlives a record but the scratch, which Flush empties, and
// what was learned: names, their order, texts of lines. These change only time.
package flatten
